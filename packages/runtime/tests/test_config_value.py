"""A config is a mapping that nobody changes."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_runtime.configs.config_value import ConfigValue, MissingConfigKeyError, ReadOnlyConfigError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
CONTENTS = st.dictionaries(st.text(), VALUES)


@given(CONTENTS)
def test_what_goes_in_comes_out(content) -> None:
    """As an equal mapping, as plain dicts, through pickle and as JSON."""
    config = ConfigValue(content)
    assert config == content
    assert config.to_dict() == content
    assert pickle.loads(pickle.dumps(config, protocol=5)) == config
    assert json.loads(json.dumps(config)) == content


def test_keys_are_attributes_at_any_depth() -> None:
    """In lists, too."""
    config = ConfigValue({"model": {"alpha": 0.1}, "steps": [{"name": "a"}], "items": 3})
    assert config.model.alpha == config["model"]["alpha"] == 0.1
    assert config.steps[0].name == "a"
    assert config["items"] == 3
    assert "model" in dir(config)


def test_a_missing_key_names_the_way_to_it() -> None:
    """An error that says `'alpha'` only helps nobody."""
    config = ConfigValue({"model": {"beta": 1, "gamma": 2}, "steps": [{}]}, "cfg")
    with pytest.raises(MissingConfigKeyError, match=r"^cfg.model has no key 'alpha', it has beta, gamma;"):
        _ = config.model.alpha
    with pytest.raises(KeyError, match=r"cfg.steps\[0\] has no key 'name'"):
        _ = config["steps"][0]["name"]
    assert not hasattr(config, "nothing")
    assert config.get("nothing", 7) == 7


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.__setitem__("a", 2),
        lambda config: setattr(config, "a", 2),
        lambda config: config.__delitem__("a"),
        lambda config: delattr(config, "a"),
        lambda config: config.update(a=2),
        lambda config: config.pop("a"),
        lambda config: config.popitem(),
        lambda config: config.clear(),
        lambda config: config.setdefault("b", 1),
        lambda config: config.__ior__({"a": 2}),
    ],
)
def test_nothing_changes_it(change) -> None:
    """Steps must see the same; a copy may be changed."""
    config = ConfigValue({"a": 1}, "cfg")
    with pytest.raises(ReadOnlyConfigError, match=r"cfg is a config .* cfg.to_dict\(\)"):
        change(config)
    assert config == {"a": 1}
    config.to_dict()["a"] = 2
    config.copy()["a"] = 2
    assert config.a == 1
