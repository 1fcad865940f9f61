"""Where configs come from, and what can be wrong with them."""

import json
import sys

import pytest

from flowstone_runtime import Config, ConfigValue, FlowSpec, yaml_parser
from flowstone_runtime.configs.loading import load_configs
from flowstone_runtime.errors import UsageError


def flow_with(*args, **fields) -> type[FlowSpec]:
    return type("Train", (FlowSpec,), {"cfg": Config(*args, **fields)})


def load(flow, paths=(), values=(), environ=(), folder=None):
    return load_configs(flow, dict(paths), dict(values), dict(environ), folder)["cfg"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder, with a config in each format."""
    (tmp_path / "a.json").write_text('{"from": "json"}')
    (tmp_path / "a.toml").write_text('from = "toml"')
    (tmp_path / "a.yaml").write_text("from: yaml")
    (tmp_path / "a.txt").write_text("from=txt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parse(content: str) -> dict[str, str]:
    return dict(line.split("=") for line in content.splitlines())


@pytest.mark.parametrize("name", ["json", "toml", "yaml"])
def test_the_name_of_the_file_says_its_format(here, name) -> None:
    """Nobody should have to convert a file that every tool reads."""
    if name == "yaml":
        pytest.importorskip("yaml")
    value = load(flow_with("c", default=f"a.{name}"))
    assert value == {"from": name}
    assert isinstance(value, ConfigValue)
    assert value["from"] == name


@pytest.mark.parametrize("parser", [parse, f"{__name__.rpartition('.')[2]}.parse"])
def test_a_parser_reads_anything(here, parser, monkeypatch) -> None:
    """A function, or the name of one; a text given as the value is parsed, too."""
    monkeypatch.setitem(sys.modules, __name__.rpartition(".")[2], sys.modules[__name__])
    flow = flow_with("c", default="a.txt", parser=parser)
    assert load(flow) == {"from": "txt"}
    assert load(flow, values={"c": "x=y"}) == {"x": "y"}


def test_the_command_line_comes_before_the_variables_and_those_before_the_default(here) -> None:
    """As everywhere."""
    flow = flow_with("c", default="a.json")
    by_path = {"FLOWSTONE_FLOW_CONFIG": '{"c": "a.toml"}'}
    by_value = {"FLOWSTONE_FLOW_CONFIG_VALUE": '{"c": {"from": "variable"}}'}
    assert load(flow) == {"from": "json"}
    assert load(flow, environ=by_path) == {"from": "toml"}
    assert load(flow, environ={**by_path, **by_value}) == {"from": "variable"}
    assert load(flow, {"C": "a.toml"}, environ=by_value) == {"from": "toml"}
    assert load(flow, values={"c": '{"from": "option"}'}, environ=by_value) == {"from": "option"}


def test_a_default_is_a_file_a_value_or_computed(here, tmp_path_factory) -> None:
    """Relative to the working folder, else to the flow's; without one, the config is None."""
    folder = tmp_path_factory.mktemp("flow")
    (folder / "b.json").write_text('{"b": 1}')
    assert load(flow_with("c", default="b.json"), folder=folder) == {"b": 1}
    assert load(flow_with("c", default=lambda context: f"a.{context.user_name}"),
                environ={"FLOWSTONE_USER": "json"}) == {"from": "json"}  # fmt: skip
    assert load(flow_with("c", default_value={"a": {"b": 1}})).a.b == 1
    assert load(flow_with("c", default_value='{"a": 2}')) == {"a": 2}
    assert load(flow_with("c", default_value=lambda: {"a": 3})) == {"a": 3}
    assert load(flow_with("c")) is None


def test_a_plain_config_is_whatever_it_is(here) -> None:
    """A list, a text, a number."""
    flow = flow_with("c", default_value="[1, {}]", plain=True)
    assert load(flow) == [1, {}]
    assert type(load(flow, values={"c": '{"a": 1}'})) is dict
    assert load(flow_with("c", default="a.txt", plain=True, parser=str.upper)) == "FROM=TXT"


def fail(content: str) -> None:
    raise KeyError(content)


@pytest.mark.parametrize(
    ("fields", "given", "words"),
    [
        ({"default": "no.json"}, {}, r"the default of Train: Config\('c'\): there is no file no.json, nor in /"),
        ({"required": True}, {}, r"'c' is required; give --config c PATH or --config-value c VALUE"),
        ({}, {"paths": {"c": "no.json"}}, "--config c: there is no file no.json; make it"),
        ({}, {"paths": {"c": "."}}, "--config c: . cannot be read: Is a directory"),
        ({}, {"paths": {"c": "bad.json"}}, "bad.json is no JSON: .*line 1"),
        ({}, {"paths": {"c": "bad.toml"}}, "bad.toml is no TOML"),
        ({}, {"paths": {"c": "latin.json"}}, "is no UTF-8 text, from byte 1 on"),
        ({}, {"paths": {"d": "a.json"}}, "--config: Train has no config 'd'; its configs: c"),
        ({}, {"values": {"d": "{}"}}, "--config-value: Train has no config 'd'"),
        ({}, {"values": {"c": "{}"}, "paths": {"c": "a.json"}}, "by --config and by --config-value"),
        ({}, {"values": {"c": "[1]"}}, "gives a list and no mapping"),
        ({"parser": fail}, {"values": {"c": "x"}}, "the parser fails: KeyError: 'x'"),
        ({"parser": "no.where"}, {"values": {"c": "x"}}, "'no.where' is not there"),
        ({"default": lambda: 1 / 0}, {}, r"Config\('c'\): the function .* at .*:\d+: ZeroDivisionError"),
        ({"default": lambda: 3}, {}, "is 3, no path"),
        ({}, {"environ": {"FLOWSTONE_FLOW_CONFIG": "x"}}, "FLOWSTONE_FLOW_CONFIG is not JSON"),
        ({}, {"environ": {"FLOWSTONE_FLOW_CONFIG": "[]"}}, "it must be a JSON mapping"),
        ({}, {"environ": {"FLOWSTONE_FLOW_CONFIG_VALUE": '{"d": 1}'}}, "Train has no config 'd'"),
    ],
)
def test_a_config_that_cannot_be_read_is_named_with_where_it_came_from(here, fields, given, words) -> None:
    """Before anything runs."""
    (here / "bad.json").write_text("{a: 1}")
    (here / "bad.toml").write_text("a: 1")
    (here / "latin.json").write_bytes(b'"\xfc"')
    with pytest.raises(UsageError, match=words):
        load(flow_with("c", **fields), folder=here, **given)


def test_yaml_is_data_only() -> None:
    """A config must not run code."""
    pytest.importorskip("yaml")
    assert yaml_parser("a: [1, {b: null}]") == {"a": [1, {"b": None}]}
    for text in ("a: [", "!!python/object/apply:os.getcwd []"):
        with pytest.raises(UsageError, match="it is no YAML"):
            yaml_parser(text)


def test_without_pyyaml_yaml_says_what_to_install(monkeypatch) -> None:
    """It is not among our requirements."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(UsageError, match="pip install pyyaml"):
        yaml_parser("a: 1")


def test_values_in_variables_may_be_json_in_json() -> None:
    """As a shell script writes them most easily."""
    environ = {"FLOWSTONE_FLOW_CONFIG_VALUE": json.dumps({"c": json.dumps({"a": 1})})}
    assert load(flow_with("c"), environ=environ) == {"a": 1}
