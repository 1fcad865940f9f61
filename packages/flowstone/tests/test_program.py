"""What the `flowstone` program prints, with runs and plugins that are there for the purpose."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowstone_datastore import Datastore, RunEnded, RunStarted, TagsChanged

COMMANDS = """
import click

@click.command()
def greet():
    '''Greets.'''
    click.echo("hello from a plugin")

@click.command()
def version():
    '''Takes another's name.'''
    click.echo("not me")

def no_command():
    pass
"""

ENTRY_POINTS = """
[flowstone.commands]
greet = some_plugin:greet
version = some_plugin:version
plain = some_plugin:no_command
broken = some_plugin:nothing_of_this_name

[flowstone.executors]
gone = no_such_module:Executor
"""


@pytest.fixture
def call(tmp_path):
    """Runs the program in a folder of its own; output, errors and exit code."""

    def run(*arguments, **environ):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSTONE_")}
        return subprocess.run(
            [sys.executable, "-m", "flowstone", *arguments],
            cwd=tmp_path, env={**kept, **environ}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def plugins(tmp_path) -> dict[str, str]:
    """The environment in which a package with plugins, good and bad, is installed."""
    place = tmp_path / "installed"
    info = place / "some_plugin-2.1.dist-info"
    info.mkdir(parents=True)
    (place / "some_plugin.py").write_text(COMMANDS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-plugin\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return {"PYTHONPATH": str(place)}


@pytest.fixture
def store(tmp_path) -> Datastore:
    """Three runs of two flows."""
    store = Datastore.open(str(tmp_path / ".flowstone"), create=True)
    for flow, run_id, state, tags in (
        ("Train", "20260101-100000-aaaa", "finished", ("nightly",)),
        ("Train", "20260102-100000-bbbb", "failed", ()),
        ("Serve", "20260103-100000-cccc", None, ()),
    ):
        store.claim_run_id(flow, run_id, 0.0)
        writer = store.journal(flow, run_id).writer("main")
        writer.append(RunStarted(time=1767261600.0, flow=flow, run_id=run_id, user="ada", tags=tags))
        if state is not None:
            writer.append(RunEnded(time=1767261700.0, state=state))
    store.journal("Train", "20260102-100000-bbbb").writer("tags").append(
        TagsChanged(time=1767261800.0, added=("b", "a"))
    )
    return store


def test_runs_are_listed_newest_first_with_state_start_and_tags(call, store) -> None:
    """One line each, to be read and to be cut by scripts."""
    lines = call("runs", "Train").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["Train/20260102-100000-bbbb", "failed"],
        ["Train/20260101-100000-aaaa", "finished"],
    ]
    assert "2026-01-01 10:00:00 UTC" in lines[0]
    assert lines[0].endswith("a b")
    assert lines[1].endswith("nightly")


def test_runs_of_every_flow_are_listed_up_to_the_limit(call, store) -> None:
    """A store may hold thousands."""
    found = [line.split("/")[0] for line in call("runs").stdout.splitlines()]
    assert sorted(found) == ["Serve", "Train", "Train"]
    limited = [line.split()[0] for line in call("runs", "--limit", "1").stdout.splitlines()]
    assert limited == ["Serve/20260103-100000-cccc", "Train/20260102-100000-bbbb"]
    assert call("runs", "--limit", "0").returncode == 2


def test_an_empty_store_has_no_runs(call, tmp_path) -> None:
    """That is an answer."""
    Datastore.open(str(tmp_path / ".flowstone"), create=True)
    done = call("runs")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["runs"],
        ["runs", "Train", "Serve"],
        ["--store", "gopher://x", "runs"],
        ["--profile", "nobody", "config", "show"],
        ["config", "hide"],
    ],
)
def test_wrong_usage_is_one_message_and_exit_code_two(call, arguments) -> None:
    """On standard error; nothing of ours but the message."""
    done = call(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "rror: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_journal_is_told_and_is_no_wrong_usage(call, store, tmp_path) -> None:
    """Whoever asked did nothing wrong."""
    (file,) = (tmp_path / ".flowstone/runs/Serve").rglob("*.jsonl")
    file.chmod(0o600)
    file.write_bytes(b"x" * 80 + b"\n" + file.read_bytes())
    done = call("runs", "Serve")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_every_setting_says_where_it_came_from(call, tmp_path) -> None:
    """An option counts more than a variable, a variable more than a file."""
    (tmp_path / "pyproject.toml").write_text('[tool.flowstone]\nstore = "in-project"\nuser = "grace"\n')
    found = call("--store", "elsewhere", "config", "show", FLOWSTONE_STORE="/in/variable").stdout
    assert f"store        {tmp_path / 'elsewhere'}  (option --store)" in found
    assert f"user         grace  ({tmp_path / 'pyproject.toml'} [tool.flowstone])" in found
    assert f"project      {tmp_path}" in found
    assert "(variable FLOWSTONE_STORE)" in call("config", "show", FLOWSTONE_STORE="/in/variable").stdout


def test_plugins_are_listed_with_their_package_and_whether_they_load(call, plugins) -> None:
    """Every group is named; what is broken is an answer, not an error."""
    done = call("plugins", **plugins)
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines if len(line) == 1] == [
        "flowstone.storage", "flowstone.serializers", "flowstone.executors", "flowstone.decorators",
        "flowstone.environments", "flowstone.deployers", "flowstone.commands",
    ]  # fmt: skip
    found = {line[0]: " ".join(line[1:]) for line in lines if len(line) > 1}
    assert found["greet"] == "some_plugin:greet (some-plugin 2.1) ok"
    assert found["gone"].startswith("no_such_module:Executor (some-plugin 2.1) BROKEN: ModuleNotFoundError")
    assert found["broken"].startswith("some_plugin:nothing_of_this_name (some-plugin 2.1) BROKEN: AttributeError")
    assert found["file"].endswith("ok")


def test_a_plugins_command_is_a_command(call, plugins) -> None:
    """It is listed and it runs; our own names stay ours."""
    assert call("greet", **plugins).stdout == "hello from a plugin\n"
    assert "flowstone 0" in call("version", **plugins).stdout
    listed = call("--help", **plugins).stdout
    assert "Greets." in listed
    assert listed.count("  version") == 1


def test_broken_plugins_are_a_warning_each_and_stop_nothing(call, plugins) -> None:
    """In the list of commands; what does not ask for them does not even see that."""
    done = call("--help", **plugins)
    assert done.returncode == 0
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["warning", "warning"]
    assert "'plain' of flowstone.commands is no click command" in done.stderr
    assert call("greet", **plugins).stderr == ""
    broken = call("broken", **plugins)
    assert broken.returncode == 2
    assert "warning: the plugin 'broken'" in broken.stderr


def test_status_tells_where_what_and_who(call, store) -> None:
    """The first question on a strange machine."""
    lines = call("status").stdout.splitlines()
    assert lines[0] == f"store  {store.url}"
    assert "Train: 1 failed, 1 finished" in lines
    assert any(line.startswith("running: Serve/20260103-100000-cccc by ada since 2026-01-01T10") for line in lines)
    told = json.loads(call("status", "--json").stdout)
    assert told["flows"] == {"Serve": {"running": 1}, "Train": {"failed": 1, "finished": 1}}
    assert [run["run"] for run in told["running"]] == ["Serve/20260103-100000-cccc"]


def test_status_where_nothing_ran(call) -> None:
    """It is no error to begin."""
    assert "nothing ran here yet" in call("status").stdout


def test_runs_are_chosen_and_told_to_programs(call, store) -> None:
    """By state, tag and condition; one object a line."""

    def chosen(*arguments: str) -> list[str]:
        return [json.loads(line)["run"] for line in call("runs", "--json", *arguments).stdout.splitlines()]

    assert chosen("--state", "finished") == ["Train/20260101-100000-aaaa"]
    assert chosen("--tag", "a", "--tag", "b") == ["Train/20260102-100000-bbbb"]
    assert chosen("--tag", "a", "--tag", "nightly") == []
    assert chosen("--where", "alpha > 1") == []
    unclear = call("runs", "--where", "1 +")
    assert (unclear.returncode, unclear.stderr.startswith("error: ")) == (2, True)


def test_what_is_printed_for_people_is_there_for_programs(call, plugins) -> None:
    """Plugins and settings."""
    found = json.loads(call("plugins", "--json", **plugins).stdout)
    broken = [plugin["name"] for group in found.values() for plugin in group if plugin["error"]]
    assert set(broken) >= {"broken", "gone"}
    assert json.loads(call("config", "show", "--json").stdout)["store"]["from"] == "default"


def test_a_reader_that_has_seen_enough_is_no_error(call, store, tmp_path) -> None:
    """`flowstone runs | head`."""
    for number in range(300):
        run_id = f"20260104-100000-{number:04}"
        store.claim_run_id("Train", run_id, 0.0)
        store.journal("Train", run_id).writer("main").append(RunStarted(time=0.0, flow="Train", run_id=run_id))
    command = [
        sys.executable,
        "-m",
        "flowstone",
        "--store",
        str(tmp_path / ".flowstone"),
        "runs",
        "--limit",
        "300",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


def test_the_front_door_is_cheap() -> None:
    """A flow file's first line loads the one package that it needs."""
    code = "import sys, flowstone; print(sorted(n for n in sys.modules if n.startswith('flowstone')))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "['flowstone']\n"


def test_the_script_is_declared() -> None:
    """`pip install flowstone` brings `flowstone`."""
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'flowstone = "flowstone.__main__:main"' in text
