"""The command line of a flow file, as its users type it."""

import json
import os
import pty
import subprocess
import time

import pytest

from flowstone import Client, Flow

FLOW = """
    class Talk(FlowSpec):
        '''Talks and stores.'''

        words = Parameter("words", default=3)

        @step
        def start(self):
            '''Say something.'''
            import os
            print("hello from start")
            os.write(2, b"to stderr \\xff\\n")
            self.items = list(range(self.words))
            self.next(self.say, foreach="items")

        @step
        def say(self):
            print("word", self.input, end="")
            self.word = f"w{self.input}"
            self.next(self.join)

        @step
        def join(self, inputs):
            self.sentence = " ".join(i.word for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            print(self.sentence)

    if __name__ == "__main__":
        Talk()
"""


def test_the_run_id_file_and_the_tags_are_written(flow_file, tmp_path) -> None:
    """Scripts that start runs have to find them again."""
    flow = flow_file(FLOW)
    flow.call("run", "--run-id-file", tmp_path / "id", "--tag", "nightly", "--tag", "b")
    run = Flow("Talk", client=Client(flow.store))[(tmp_path / "id").read_text()]
    assert run.user_tags == {"nightly", "b"}
    assert {"runtime:local"} < run.system_tags


def test_plain_lines_tell_the_whole_story(flow_file) -> None:
    """What is piped into a file can be read there."""
    output = flow_file(FLOW).call("run")
    for words in (
        "Talk/",
        "stored in",
        "start/0 | hello from start",
        r"start/0 | to stderr \xff",
        "say/1 | word 1",
    ):
        assert words in output
    assert "say: 3 tasks done" in output
    assert "finished in" in output


def test_quiet_means_quiet(flow_file) -> None:
    """Nothing but what a step fails with."""
    flow = flow_file(FLOW)
    assert flow.call("--quiet", "run") == ""
    broken = flow_file(FLOW.replace("self.word =", "self.word = 1 / 0 #"))
    assert "ZeroDivisionError" in broken.call("--quiet", "run", exit_code=1)


def test_logs_show_what_tasks_wrote(flow_file) -> None:
    """By run, step and task, by stream."""
    flow = flow_file(FLOW)
    flow.run()
    assert flow.call("logs", "latest/say") == "say/0 | word 0\nsay/1 | word 1\nsay/2 | word 2\n"
    assert flow.call("logs", "latest/say/1") == "word 1\n"
    assert flow.call("logs", "latest/start/0", "--stderr") == "to stderr \\xff\n"
    assert flow.call("logs", "latest/start", "--stdout") == "hello from start\n"
    assert flow.call("logs").count("\n") == 6


def test_dump_shows_what_was_stored(flow_file) -> None:
    """Name, size, type and the beginning of the value."""
    flow = flow_file(FLOW)
    run = flow.run()
    output = flow.call("dump")
    assert "finished" in output
    assert "3 finished" in output
    assert "sentence" in output
    assert "'w0 w1 w2'" in output
    by_step = flow.call("dump", f"{run.id}/say", "--include", "word")
    assert [line.split()[-1] for line in by_step.splitlines() if "word" in line] == ["'w0'", "'w1'", "'w2'"]
    assert flow.call("dump", f"Talk/{run.id}/say/2", "--include", "word", "--max-value-size", "0").endswith(
        "str\n"
    )


def test_show_and_output_dot_draw_the_graph(flow_file) -> None:
    """For people, and for Graphviz."""
    flow = flow_file(FLOW)
    drawn = flow.call("show")
    assert "Talks and stores." in drawn
    assert "Say something." in drawn
    assert "for each of items" in drawn
    dot = flow.call("output-dot")
    assert dot.startswith("digraph")
    assert '"say"' in dot or "say" in dot
    assert not flow.store.exists()


def test_a_terminal_sees_a_live_table(flow_file) -> None:
    """A row for each step, with counts, and what tasks write above it."""
    flow = flow_file(FLOW)
    leader, follower = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR"}}
    process = subprocess.Popen(
        flow.command("run"), stdout=follower, stderr=follower, stdin=follower, env={**environ, "TERM": "xterm"}
    )
    os.close(follower)
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            data = os.read(leader, 65536)
        except OSError:  # the terminal's other end is closed
            break
        seen += data
        if not data:
            break
    os.close(leader)
    assert process.wait(timeout=30) == 0
    text = seen.decode()
    assert "3/3" in text
    assert "━" in text
    assert "hello from start" in text


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_tasks_run_at_once_than_were_asked_for(flow_file, workers) -> None:
    """Memory is finite."""
    flow = flow_file("""
        import time

        class Wide(FlowSpec):
            @step
            def start(self):
                self.items = list(range(6))
                self.next(self.work, foreach="items")

            @step
            def work(self):
                self.began = time.time()
                time.sleep(0.2)
                self.ended = time.time()
                self.next(self.join)

            @step
            def join(self, inputs):
                times = [(i.began, 1) for i in inputs] + [(i.ended, -1) for i in inputs]
                at_once = most = 0
                for _, change in sorted(times):
                    at_once += change
                    most = max(most, at_once)
                self.most = most
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            Wide()
    """)
    assert flow.run("--max-workers", workers)["join"].task.data.most == workers


def test_tasks_that_run_at_once_share_the_cores(flow_file) -> None:
    """A lone task has all of them; what the user set is left alone."""
    flow = flow_file("""
        import os

        class Threads(FlowSpec):
            @step
            def start(self):
                self.alone = os.environ.get("OMP_NUM_THREADS")
                self.items = list(range(40))
                self.next(self.work, foreach="items")

            @step
            def work(self):
                self.threads = os.environ.get("OMP_NUM_THREADS")
                self.next(self.join)

            @step
            def join(self, inputs):
                self.alone = inputs[0].alone
                self.threads = {i.threads for i in inputs[:10]}
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            Threads()
    """)
    cores = len(os.sched_getaffinity(0))
    data = flow.run()["join"].task.data
    assert (data.alone, data.threads) == (str(cores), {"1"})
    flow.call("run", environ={"OMP_NUM_THREADS": "7"})
    data = flow.latest_run()["join"].task.data
    assert (data.alone, data.threads) == ("7", {"7"})


READABLE = FLOW.replace("\\xff", "")


def test_a_debugger_opens_where_a_step_fails(flow_file) -> None:
    """At the user's line, in this process, whatever libraries it called."""
    flow = flow_file(READABLE.replace("self.word =", "self.word = self.input // (self.input - 1) #"))
    looked = flow.call("run", "--pdb", exit_code=1, input="p ('input', self.input)\nq\n")
    assert "-> self.word = self.input // (self.input - 1)" in looked
    assert "('input', 1)" in looked
    assert "failed in" in looked


def test_breakpoints_work_in_this_process(flow_file) -> None:
    """The oldest tool of all."""
    flow = flow_file(READABLE.replace("self.word =", "breakpoint(); self.word ="))
    looked = flow.call("run", "--isolation", "none", "--words", 1, input="p ('input', self.input)\nc\n")
    assert "('input', 0)" in looked
    assert "finished in" in looked


def test_a_run_tells_programs_what_happens(flow_file) -> None:
    """One object a line; the whole story."""
    told = [json.loads(line) for line in flow_file(FLOW).call("run", "--json").splitlines()]
    assert (told[0]["event"], told[-1]["event"], told[-1]["state"]) == ("run_started", "run_ended", "finished")
    assert {"task_started", "task_finished", "tasks_ready"} < {event["event"] for event in told}
    output = next(event for event in told if event["event"] == "task_output")
    assert (output["step"], output["stream"], output["line"]) == ("start", "stdout", "hello from start")


def test_a_foreach_that_is_wider_than_meant_stops_the_run(flow_file) -> None:
    """A typing error should not start a million tasks; by default only that many are refused."""
    flow = flow_file(FLOW)
    output = flow.call("run", "--max-num-splits", 2, exit_code=1)
    assert "start/0 splits into 3 tasks, and --max-num-splits allows 2" in output
    assert flow.latest_run().state.value == "failed"
    assert flow.call("resume", "--max-num-splits", 3)
