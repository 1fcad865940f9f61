import json
import os
import subprocess
import sys

import pytest

from flowstone_datastore import DamagedChunkError, NotAStoreError, StoreFullError
from flowstone_runtime import FlowSpec, step
from flowstone_runtime.command_line.flow_commands import _COMMANDS, _main
from flowstone_runtime.command_line.group import exit_code_of
from flowstone_runtime.errors import MissingArtifactError, UsageError

GOOD = '''
    class Good(FlowSpec):
        """Does good.

        In two paragraphs.
        """

        count = Parameter("count", default=3, help="How many.")
        is_bad = Parameter("bad", default=False)

        @step
        def start(self):
            print("out of start")
            self.values = list(range(self.count))
            if self.is_bad:
                raise ValueError("the sky is down")
            self.next(self.end)

        @step
        def end(self):
            for number in range(2000):
                print("line", number)

    if __name__ == "__main__":
        Good()
'''


@pytest.fixture
def flow(flow_file):
    return flow_file(GOOD)


def test_a_run_that_finishes_exits_with_zero(flow) -> None:
    """And its commands look at it."""
    output = flow.call("run", "--count", 2)
    assert "out of start" in output
    assert "finished" in output
    assert "range" not in flow.call("dump")
    assert "[0, 1]" in flow.call("dump")
    assert "out of start" in flow.call("logs", "latest/start")


def test_a_run_that_fails_exits_with_one(flow) -> None:
    """With the user's traceback and nobody else's."""
    output = flow.call("run", "--bad", "true", exit_code=1)
    assert "ValueError: the sky is down" in output
    assert "flowstone_runtime" not in output
    assert "failed" in flow.call("dump")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rum"], ["'rum'", "run", "dump"]),
        (["--no-such-option"], ["--no-such-option"]),
        (["run", "--no-such-option"], ["--no-such-option"]),
        (["run", "--count", "many"], ["--count", "many"]),
        (["run", "--max-workers", "-1"], ["--max-workers"]),
        (["run", "--isolation", "jail"], ["jail", "spawn"]),
        (["run", "--run-id-file", "."], ["--run-id-file"]),
        (["dump"], ["store"]),
        (["--profile", "nobody", "check"], ["nobody"]),
        (["--store", "gopher://x", "run"], ["gopher"]),
    ],
)
def test_wrong_usage_exits_with_two_and_one_message(flow, arguments, words) -> None:
    """Nothing ran, and nothing of ours is shown but the message."""
    output = flow.call(*arguments, exit_code=2)
    for word in words:
        assert word in output
    assert "Traceback" not in output


@pytest.mark.parametrize("target", ["nope", "latest/nope", "latest/start/7", "latest/start/0/x"])
def test_what_is_not_there_exits_with_two(flow, target) -> None:
    """With what is."""
    flow.call("run")
    for command in ("dump", "logs"):
        assert "Traceback" not in flow.call(command, target, exit_code=2)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no"), 2),
        (MissingArtifactError("s", "a", ()), 2),
        (NotAStoreError("/x", "no marker"), 2),
        (StoreFullError("path", "/store", "full"), 1),
        (DamagedChunkError("a" * 64, "/store", "flipped"), 1),
    ],
)
def test_the_exit_code_tells_what_to_change(error, code) -> None:
    """1: the world. 2: the question."""
    assert exit_code_of(error) == code


def test_the_flow_introduces_itself(flow) -> None:
    """With its own words, and every command; the same without arguments."""
    text = flow.call("--help")
    assert "Does good." in text
    assert "In two paragraphs." in text
    for name, help_text in _COMMANDS.items():
        assert name in text
        assert help_text in text
    assert flow.call() == text
    assert flow.call("-h") == text


@pytest.mark.parametrize("command", list(_COMMANDS))
def test_every_command_helps_in_the_words_of_the_list(flow, command) -> None:
    """Two texts for one thing would drift apart."""
    text = flow.call(command, "--help")
    assert f"Usage: flow.py {command}" in text
    assert _COMMANDS[command].rstrip(".") in " ".join(text.split())


def test_the_parameters_are_options_of_run(flow) -> None:
    """With help and default."""
    text = flow.call("run", "--help")
    for word in ("--count", "How many.", "default: 3", "--bad", "--max-workers", "--tag", "--isolation"):
        assert word in text


def test_check_show_and_output_dot_need_no_run(flow) -> None:
    """They read the source."""
    assert flow.call("check") == "Good: 2 steps, no faults\n"
    assert flow.call("--quiet", "check") == ""
    assert "start" in flow.call("show")
    assert flow.call("output-dot").startswith("digraph")
    assert not (flow.path.parent / ".flowstone").exists()


def test_a_faulty_parameter_is_one_sentence(flow_file) -> None:
    """In every command that would need it, not a traceback out of the import."""
    flow = flow_file(GOOD.replace('Parameter("count", default=3', 'Parameter("max-workers", default=3'))
    for command in ("run", "check"):
        output = flow.call(command, exit_code=2)
        assert output.startswith("error: Good: Parameter('max-workers'): the command line needs this name")
        assert "Traceback" not in output


def test_quiet_prints_what_was_asked_for_only(flow) -> None:
    """And errors."""
    assert flow.call("--quiet", "run") == ""
    output = flow.call("--quiet", "run", "--bad", "yes", exit_code=1)
    assert "ValueError: the sky is down" in output
    assert "started" not in output


def test_the_run_id_file_holds_the_id(flow, tmp_path) -> None:
    """Scripts go on with it."""
    file = tmp_path / "id"
    flow.call("run", "--run-id-file", file, "--tag", "nightly", "--tag", "x")
    assert file.read_text() in flow.call("dump", file.read_text())


def test_a_relative_store_is_meant_from_where_one_stands(flow, tmp_path) -> None:
    """As every path on a command line."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    flow.call("--store", "here", "run", cwd=elsewhere)
    assert (elsewhere / "here" / "flowstone.json").is_file()


def test_a_flow_that_is_a_link_lives_where_its_file_is(flow, tmp_path) -> None:
    """`~/bin/train` is a fine place for one: code and store are the project's."""
    link = tmp_path / "bin" / "train"
    link.parent.mkdir()
    link.symlink_to(flow.path)
    done = subprocess.run([sys.executable, link, "run"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (link.parent / ".flowstone").exists()
    assert "finished" in flow.call("dump")


def head(flow, *arguments) -> int:
    """The exit code if the reader goes away after the first line."""
    process = subprocess.Popen(
        [sys.executable, str(flow.path), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    code = process.wait()
    assert errors == ""
    return code


def test_a_reader_that_has_seen_enough_is_no_error(flow) -> None:
    """`logs | head` is how one looks."""
    flow.call("run")
    assert head(flow, "logs", "latest/end") == 0


def test_a_reader_that_was_gone_from_the_start_is_no_error(flow) -> None:
    """What is small waits in a buffer, and must not fail when the interpreter ends."""
    flow.call("run")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, str(flow.path), "logs", "latest/end"],
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_run_goes_on_without_its_reader(flow) -> None:
    """`run | head` must not kill hours of work, and never look as if it had gone well when it had not."""
    assert head(flow, "run") == 0
    assert "finished" in flow.call("dump")
    assert head(flow, "run", "--bad", "yes") == 1


def test_commands_are_loaded_when_they_are_asked_for(flow) -> None:
    """`--help` must not wait for what only `dump` needs."""
    code = (
        "import json, sys, runpy\n"
        "sys.argv = [sys.argv[1], 'check']\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    output = subprocess.check_output([sys.executable, "-c", code, str(flow.path)], text=True)
    loaded = set(json.loads(output.splitlines()[-1]))
    assert "flowstone_runtime.commands.check" in loaded
    assert not {"flowstone_runtime.commands.run", "rich", "networkx", "asyncio"} & loaded


class WithoutWords(FlowSpec):
    @step
    def start(self):
        pass


def test_a_flow_without_a_docstring_has_its_name(capsys, monkeypatch) -> None:
    """Not that of a base class."""
    monkeypatch.setattr("sys.argv", ["flow.py"])
    assert _main(WithoutWords, ["--help"], os.environ) == 0
    assert "The flow WithoutWords." in capsys.readouterr().out
