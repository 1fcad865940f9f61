"""Values of configs in a class body, before there are any."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_runtime import Config, FlowSpec, config_expr
from flowstone_runtime.configs.config import bind_configs, bound_configs, configs_of
from flowstone_runtime.configs.config_value import ConfigValue
from flowstone_runtime.configs.expressions import DelayedValue, is_delayed, resolve
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import constants_of

FACTOR = 10


class Base(FlowSpec):
    cfg = Config("settings")
    cpu = cfg.resources.cpu
    table = {"memory": [cfg["resources"]["memory"]]}


CFG = Base.cfg
CONFIGS = {"cfg": ConfigValue({"resources": {"cpu": 2, "memory": 512}, "name": "n", "get": 1, "no": None}, "cfg")}
VALUES = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Pair(NamedTuple):
    one: object
    other: object


@given(VALUES)
def test_what_is_not_delayed_is_itself(value) -> None:
    """Resolving costs a decorator without configs nothing."""
    assert not is_delayed(value)
    assert resolve(value, {}) is value


@given(VALUES)
def test_what_is_delayed_is_found_at_any_depth(value) -> None:
    """In lists, tuples and dicts."""
    nested = [{"a": (value, CFG.name)}]
    assert is_delayed(nested)
    assert resolve(nested, CONFIGS) == [{"a": (value, "n")}]


@pytest.mark.parametrize(
    ("delayed", "value", "text"),
    [
        (CFG, CONFIGS["cfg"], "cfg"),
        (CFG.resources.cpu, 2, "cfg.resources.cpu"),
        (CFG["resources"]["cpu"], 2, "cfg.resources.cpu"),
        (CFG["resources"], {"cpu": 2, "memory": 512}, "cfg.resources"),
        (CFG.name, "n", "cfg.name"),  # a key, whatever Config's own fields are called
        (CFG.get("nothing", 7), 7, "cfg.nothing"),
        (CFG.get("nothing"), None, "cfg.nothing"),
        (CFG.get("name"), "n", "cfg.name"),
        (config_expr("cfg.resources.cpu * FACTOR"), 20, "config_expr('cfg.resources.cpu * FACTOR')"),
        (config_expr("len(cfg)"), 4, "config_expr('len(cfg)')"),
        (Pair(CFG.name, 1), Pair("n", 1), None),
    ],
)
def test_a_delayed_value_gets_its_value(delayed, value, text) -> None:
    """Keys by attribute or index, expressions with what their module knows."""
    assert resolve(delayed, CONFIGS) == value
    assert text is None or repr(delayed) == text


def test_a_mapping_of_a_config_can_be_unpacked() -> None:
    """`@resources(**cfg.resources)`, beside other arguments and other configs."""
    arguments = dict(**CFG.resources, disk=CFG.name)
    assert is_delayed(arguments)
    assert resolve(arguments, CONFIGS) == {"cpu": 2, "memory": 512, "disk": "n"}
    with pytest.raises(UsageError, match=r"\*\*cfg.name needs a mapping"):
        resolve(dict(**CFG.name), CONFIGS)


@pytest.mark.parametrize(
    ("delayed", "words"),
    [
        (CFG.nothing, r"cfg.nothing cannot be read: cfg has no key 'nothing', it has resources, name, get, no;"),
        (CFG.name.more, r"cfg.name.more cannot be read: cfg.name is 'n'"),
        (CFG.no.more, r"cfg.no.more cannot be read: it is None"),
        (config_expr("cfg.name + 1"), r"config_expr\('cfg.name \+ 1'\) fails: TypeError: .*configs: cfg"),
        (config_expr("cfg."), "SyntaxError"),
        (Config("other").x, "'other' has not been read"),
    ],
)
def test_what_a_config_does_not_have_is_a_fault_of_usage(delayed, words) -> None:
    """It names the way that was taken."""
    with pytest.raises(UsageError, match=words):
        resolve(delayed, CONFIGS)


@pytest.mark.parametrize(
    "use", [bool, list, str, lambda value: f"{value}", lambda value: f"{value:>3}"], ids=lambda use: use.__name__
)
def test_a_value_that_is_not_there_yet_is_not_taken_for_one(use) -> None:
    """`if cfg.debug:` in a class body would always be true."""
    with pytest.raises(UsageError, match=r"cfg.name has no value yet .* config_expr"):
        use(CFG.name)


def test_a_delayed_value_pretends_to_be_nothing_else() -> None:
    """Libraries look for private names; a key is none."""
    assert not hasattr(CFG.name, "__get__")
    assert not hasattr(CFG.name, "_repr_html_")
    assert not callable(CFG.name)
    assert isinstance(CFG, DelayedValue)


class Child(Base):
    more = Config("more")


def test_bound_configs_are_constants_and_give_constants_their_values() -> None:
    """`cpu = cfg.cpu` in the class body is 2 in steps; binding anew counts from what was written."""
    assert [config._attribute for config in configs_of(Child)] == ["cfg", "more"]
    for cpu in (2, 3):
        bind_configs(Child, {"cfg": ConfigValue({"resources": {"cpu": cpu, "memory": 1}}), "more": None})
        assert Child.cpu == cpu
        assert constants_of(Child) == {"cfg": bound_configs(Child)["cfg"], "more": None, "cpu": cpu,
                                       "table": {"memory": [1]}}  # fmt: skip
    assert bound_configs(Base) == {}
    assert is_delayed(Base.cpu)


@pytest.mark.parametrize(
    ("configs", "words"),
    [
        ({"a": Config("x", default="a", default_value={})}, "default_value; drop one"),
        ({"a": Config("x", default="a", required=True)}, "has no default"),
        ({"a": Config("two words")}, "letters, digits"),
        ({"a": Config("x-y"), "b": Config("X_Y")}, "'a' and 'b' both have the name"),
    ],
)
def test_a_config_that_cannot_work_is_refused(configs, words) -> None:
    """With flow and config."""
    with pytest.raises(UsageError, match=rf"Faulty: .*{words}"):
        configs_of(type("Faulty", (FlowSpec,), configs))
