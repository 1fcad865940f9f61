"""Commands of a flow file that look at runs and code, for people and for programs."""

import json
import pickle
import subprocess
import tarfile
import time

import pytest
from flow_files import clean_environ

from flowstone import Client, Flow
from flowstone_datastore import NotAStoreError

FLOW = """
    class Fan(FlowSpec):
        words = Parameter("words", default=3)

        @step
        def start(self):
            self.items = list(range(self.words))
            self._hidden = 1
            self.next(self.say, foreach="items")

        @retry(times=1, minutes_between_retries=0)
        @step
        def say(self):
            print("attempt", current.retry_count, "word", self.input)
            if self.input == 1 and current.retry_count == 0:
                raise ValueError("not yet")
            self.word = f"w{self.input}"
            self.next(self.join)

        @step
        def join(self, inputs):
            self.sentence = " ".join(i.word for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Fan()
"""


def lines_of_json(output: str) -> list:
    return [json.loads(line) for line in output.splitlines()]


def has_come_to(flow, step: str) -> bool:
    """Whether the newest run has; it may not have begun, and the store not be there yet."""
    try:
        found = Flow("Fan", client=Client(flow.store)).latest_run
    except (NotAStoreError, LookupError):
        return False
    return found is not None and step in found


def test_tags_come_go_and_are_listed(flow_file) -> None:
    """A run that turned out well is marked afterwards."""
    flow = flow_file(FLOW)
    run = flow.run("--tag", "nightly")
    assert flow.call("tag", "add", "good", "best") == f"{run.pathspec}: best, good, nightly\n"
    flow.call("tag", "remove", "--run-id", run.id, "best")
    flow.call("tag", "replace", "--remove", "good", "--add", "great")
    flow.call("run")
    newest = flow.latest_run().id
    listed = flow.call("tag", "list", "--all", "--hide-system-tags")
    assert listed == f"{newest}\n{run.id}  great, nightly\n"
    (by_tag,) = lines_of_json(flow.call("tag", "list", "--my-runs", "--group-by-tag", "--json"))
    assert by_tag["great"] == [run.id]
    assert by_tag["runtime:local"] == [newest, run.id]
    (told,) = lines_of_json(flow.call("tag", "add", "--run-id", run.id, "x", "--json"))
    assert told["user_tags"] == ["great", "nightly", "x"]


def test_a_tag_that_says_how_a_run_was_made_stays(flow_file) -> None:
    """Nobody can claim to have run it."""
    flow = flow_file(FLOW)
    flow.run()
    assert "is a system tag" in flow.call("tag", "remove", "runtime:local", exit_code=2)


def test_logs_by_attempt_with_times_and_for_programs(flow_file) -> None:
    """The first attempt's words are kept beside the last one's."""
    flow = flow_file(FLOW)
    flow.run()
    assert flow.call("logs", "latest/say/1") == "attempt 1 word 1\n"
    first = flow.call("logs", "latest/say/1", "--attempt", 0)
    assert first.startswith("attempt 0 word 1\n")
    assert "ValueError: not yet" in first
    assert "no attempt 7 of" in flow.call("logs", "latest/say/1", "--attempt", 7, exit_code=2)
    (line,) = lines_of_json(flow.call("logs", "latest/say/2", "--json"))
    assert (line["task"], line["attempt"], line["stream"]) == ("say/2", 0, "stdout")
    assert line["line"] == "attempt 0 word 2"
    timed = flow.call("logs", "latest/say/2", "--timestamps")
    assert timed.startswith(line["time"][:10])
    assert timed.endswith("Z attempt 0 word 2\n")


def test_logs_are_followed_to_the_end_of_the_run(flow_file, tmp_path) -> None:
    """What is written after the command began is shown, too; of all attempts, whole lines only."""
    gate = tmp_path / "gate"
    flow = flow_file(
        FLOW.replace(
            'self.sentence = " "',
            f'import os, time; print("wait", end="", flush=True)\n'
            f'            while not os.path.exists("{gate}"): time.sleep(0.05)\n'
            f'            print("ed")\n'
            f'            self.sentence = " "',
        )
    )
    with flow.start("run") as running:
        try:
            deadline = time.monotonic() + 60
            while not has_come_to(flow, "join") and time.monotonic() < deadline:
                time.sleep(0.05)
            with subprocess.Popen(
                flow.command("logs", "--follow"), stdout=subprocess.PIPE, text=True, env=clean_environ()
            ) as following:
                assert following.stdout is not None
                seen = [following.stdout.readline() for _ in range(3)]
                gate.touch()
                seen += following.stdout.readlines()
                assert following.wait() == 0
        finally:
            gate.touch()
    assert running.returncode == 0
    assert {"say/1 | attempt 0 word 1\n", "say/1 | attempt 1 word 1\n"} < set(seen)
    assert seen[-1] == "join/0 | waited\n"


def test_dump_for_programs_with_hidden_names_and_into_a_file(flow_file, tmp_path) -> None:
    """A script need not parse what is meant for people."""
    flow = flow_file(FLOW)
    run = flow.run()
    (told,) = lines_of_json(flow.call("dump", "--json"))
    assert told["run"]["steps"]["say"] == {"finished": 3}
    assert told["tasks"][0]["artifacts"]["sentence"]["value"] == "'w0 w1 w2'"
    (steps,) = lines_of_json(flow.call("dump", f"{run.id}/say", "--json", "--include", "word"))
    assert [task["artifacts"]["word"]["type"] for task in steps["tasks"]] == ["builtins.str"] * 3
    assert "_hidden" not in flow.call("dump", "latest/start")
    assert "_hidden" in flow.call("dump", "latest/start", "--private")
    flow.call("dump", "latest/say", "--include", "word,input", "--file", tmp_path / "values")
    values = pickle.loads((tmp_path / "values").read_bytes())
    assert values[f"{run.pathspec}/say/2"] == {"word": "w2"}


def test_the_code_is_listed_and_packed_the_same_every_time(flow_file, tmp_path) -> None:
    """What a run kept can be compared byte by byte."""
    flow = flow_file(FLOW)
    run = flow.run()
    before = flow.path.read_bytes()
    (sizes,) = lines_of_json(flow.call("package", "list", "--json"))
    assert sizes == {flow.path.name: len(before)}
    flow.call("package", "save", tmp_path / "a.tar.gz")
    flow.path.touch()
    flow.call("package", "save", tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    flow.path.write_bytes(before + b"\n# changed\n")
    flow.call("package", "save", tmp_path / "old.tar.gz", "--run-id", run.id)
    with tarfile.open(tmp_path / "old.tar.gz") as archive:
        assert archive.extractfile(flow.path.name).read() == before
    assert "cannot be written" in flow.call("package", "save", tmp_path / "no" / "x.tar.gz", exit_code=2)


def test_check_and_show_for_programs(flow_file) -> None:
    """Editors and CI systems point at the line."""
    flow = flow_file(FLOW)
    assert lines_of_json(flow.call("check", "--json")) == [{"flow": "Fan", "faults": []}]
    (graph,) = lines_of_json(flow.call("show", "--json"))
    assert [node["name"] for node in graph["nodes"]] == ["start", "say", "join", "end"]
    broken = flow_file(FLOW.replace("self.next(self.join)", "self.next(self.nowhere)"))
    (told,) = lines_of_json(broken.call("check", "--json", exit_code=2))
    assert told["faults"][0]["step"] == "say"
    assert told["faults"][0]["line"] > 0


@pytest.mark.parametrize("words", [("tag",), ("package",)])
def test_a_group_of_commands_says_which_there_are(flow_file, words) -> None:
    """Nobody remembers all of them."""
    assert "Commands:" in flow_file(FLOW).call(*words, "--help")
    assert "there is no command 'nonsense'" in flow_file(FLOW).call(*words, "nonsense", exit_code=2)


def test_files_beside_the_flow_are_kept_by_suffix(flow_file, tmp_path) -> None:
    """A query that a step reads; and a key that lies beside it stops the run before it begins."""
    flow = flow_file(FLOW)
    (tmp_path / "query.sql").write_text("select 1")
    (tmp_path / "server.pem").write_text("secret")
    (listed,) = lines_of_json(flow.call("--package-suffixes", ".sql", "package", "list", "--json"))
    assert listed["query.sql"] == 8
    flow.call("--package-suffixes", "sql", "run")
    assert flow.latest_run().code["query.sql"] == "select 1"
    refused = flow.call("--package-suffixes", ".pem", "run", exit_code=2)
    assert "server.pem looks like a secret" in refused
    assert "Traceback" not in refused
