"""What decorators do to flows that run: real processes, real kills, real waits."""

import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest

FLAKY = """
    import os

    class Flaky(FlowSpec):
        @retry(times=2, minutes_between_retries=0.005, backoff=2, only=ValueError)
        @step
        def start(self):
            self.tries = current.retry_count
            print("try", current.retry_count)
            if current.retry_count < 2:
                raise ValueError("not yet")
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Flaky()
"""


@pytest.mark.parametrize("isolation", ["fork", "spawn", "none"])
def test_a_failed_task_is_tried_again_after_its_wait(flow_file, isolation) -> None:
    """Each attempt is a process of its own and in the journal; what counts is the last."""
    flow = flow_file(FLAKY)
    began = time.monotonic()
    run = flow.run("--isolation", isolation)
    assert time.monotonic() - began > 0.9, "a wait of 0.3 s, and one twice as long"
    assert run["start"].task.data.tries == 2
    assert run["start"].task.current_attempt == 2
    if isolation != "none":
        assert run["start"].task.stdout == "try 2\n"


def test_what_only_does_not_name_is_not_tried_again(flow_file) -> None:
    """A typing error will fail a second time, too."""
    run = flow_file(FLAKY.replace("only=ValueError", "only=(OSError, KeyError)")).run(exit_code=1)
    assert run["start"].task.current_attempt == 0


CATCHES = """
    import os, sys, time

    class Catches(FlowSpec):
        how = Parameter("how", default="raise")

        @catch(var="failure")
        @retry(times=1, minutes_between_retries=0)
        @step
        def start(self):
            self.kept = "set before"
            if self.how == "raise":
                raise RuntimeError("by the step")
            if self.how == "kill":
                os.kill(os.getpid(), 9)
            if self.how == "segfault":
                import ctypes
                ctypes.string_at(0)
            if self.how == "exit":
                os._exit(7)
            if self.how == "sys.exit":
                sys.exit("by the step")
            self.next(self.end)

        @step
        def end(self):
            self.outcome = str(self.failure)
            self.had = getattr(self, "kept", None)

    if __name__ == "__main__":
        Catches()
"""


@pytest.mark.parametrize(
    ("how", "outcome", "kept"),
    [
        ("raise", "RuntimeError: by the step", "set before"),
        ("sys.exit", "SystemExit: by the step", "set before"),
        ("kill", "killed by SIGKILL", None),
        ("segfault", "SIGSEGV (segmentation fault in compiled code)", None),
        ("exit", "its process ended with exit code 7", None),
        ("not at all", "None", "set before"),
    ],
)
def test_catch_goes_on_whatever_happened(flow_file, how, outcome, kept) -> None:
    """After the last attempt; an exception keeps what was set, a killed process left nothing."""
    run = flow_file(CATCHES).run("--how", how)
    assert outcome in run.data.outcome
    assert run.data.had == kept


CATCHES_BEFORE_BRANCHES = """
    class Both(FlowSpec):
        @catch(var="failure")
        @step
        def start(self):
            raise ValueError("a split")
            self.next(self.one, self.other)

        @step
        def one(self):
            self.next(self.join)

        @step
        def other(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.merge_artifacts(inputs)
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Both()
"""


def test_catch_on_a_split_goes_on_in_every_branch(flow_file) -> None:
    """As if the step had come to its `self.next`; the branches agree on what was caught."""
    assert str(flow_file(CATCHES_BEFORE_BRANCHES).run().data.failure) == "ValueError: a split"


CATCHES_ON_THE_WAY = """
    class Branches(FlowSpec):
        sets = Parameter("sets", default=True)

        @catch(var="split_failure")
        @step
        def start(self):
            if self.sets:
                self.items = ["a", "b"]
            raise ValueError("a foreach")
            self.next(self.work, foreach="items")

        @catch
        @step
        def work(self):
            self.kind = "right"
            raise ValueError("a switch")
            self.next({"left": self.left, "right": self.right}, condition="kind")

        @step
        def left(self):
            self.went = "left"
            self.next(self.join)

        @step
        def right(self):
            self.went = f"right with {self.input}"
            self.next(self.join)

        @step
        def join(self, inputs):
            self.went = [i.went for i in inputs]
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Branches()
"""


def test_catch_on_a_foreach_and_a_switch_goes_where_what_is_set_says(flow_file) -> None:
    """As if the step had come to its `self.next`."""
    flow = flow_file(CATCHES_ON_THE_WAY)
    assert flow.run().data.went == ["right with a", "right with b"]
    assert flow.run("--sets", "false").data.went == []


def test_catch_on_a_switch_that_knows_no_way_says_so(flow_file) -> None:
    """To take any of the branches would be a guess."""
    flow = flow_file(CATCHES_ON_THE_WAY.replace('self.kind = "right"', "pass"))
    output = flow.call("run", exit_code=1)
    assert "the step did not come to it, and self.kind is not set" in output
    assert "ValueError: a switch" in output, "what it came from is told, too"


TIMEOUTS = """
    import itertools, os, subprocess, sys, threading, time

    class Late(FlowSpec):
        how = Parameter("how", default="sleep")
        pid_file = Parameter("pid-file", default="")

        @catch(var="failure", print_exception=False)
        @timeout(seconds=0.4)
        @step
        def start(self):
            self.kept = 1
            if self.how == "sleep":
                time.sleep(60)
            child = subprocess.Popen(["sleep", "600"])
            open(self.pid_file, "w").write(str(child.pid))
            threading.Thread(target=time.sleep, args=(600,)).start()
            if self.how == "compiled":
                sum(itertools.repeat(0))  # a loop in C that never lets go of the interpreter
            time.sleep(600)
            self.next(self.end)

        @step
        def end(self):
            self.outcome = str(self.failure)

    if __name__ == "__main__":
        Late()
"""


@pytest.mark.parametrize("isolation", ["fork", "none"])
def test_a_step_that_takes_too_long_gets_an_exception(flow_file, isolation) -> None:
    """Where it stands, so that its traceback says where the time went."""
    run = flow_file(TIMEOUTS).run("--isolation", isolation)
    assert run.data.outcome == "StepTimeoutError: step 'start' ran longer than its @timeout of 0.4 seconds"


def test_a_step_that_does_not_hear_is_killed_with_its_children(flow_file, tmp_path) -> None:
    """SIGALRM waits for Python; compiled code may never come back to it."""
    pid_file = tmp_path / "pid"
    run = flow_file(TIMEOUTS).run("--how", "compiled", "--pid-file", pid_file)
    assert "it ran longer than 5.4 seconds" in run.data.outcome
    assert not is_running(int(pid_file.read_text()))


def test_threads_and_children_end_with_a_step_that_took_too_long(flow_file, tmp_path) -> None:
    """The exception ends the step's own thread only; nobody waits for the others."""
    pid_file = tmp_path / "pid"
    run = flow_file(TIMEOUTS).run("--how", "threads", "--pid-file", pid_file)
    assert run.data.outcome.startswith("StepTimeoutError")
    assert run["start"].task.finished_at - run["start"].task.created_at < timedelta(seconds=5)
    assert not is_running(int(pid_file.read_text()))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


TOGETHER = """
    import time

    class Together(FlowSpec):
        @step
        def start(self):
            self.items = range(4)
            self.next(self.big, foreach="items")

        @resources(memory=MEMORY)
        @step
        def big(self):
            self.began = time.time()
            time.sleep(0.1)
            self.ended = time.time()
            self.next(self.join)

        @step
        def join(self, inputs):
            self.spans = sorted((i.began, i.ended) for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            self.overlaps = sum(one[1] > other[0] for one, other in zip(self.spans, self.spans[1:]))

    if __name__ == "__main__":
        Together()
"""


def test_tasks_that_do_not_fit_together_wait_for_each_other(flow_file) -> None:
    """More than half of the machine's memory each, and more than the machine has: one at a time."""
    assert flow_file(TOGETHER.replace("MEMORY", "10**9")).run("--max-workers", 4).data.overlaps == 0
    assert flow_file(TOGETHER.replace("MEMORY", "1")).run("--max-workers", 4).data.overlaps > 0


GANG = """
    import pathlib, time

    class Gang(FlowSpec):
        @step
        def start(self):
            self.folder = str(pathlib.Path(__file__).parent)
            self.others = 4
            self.next(self.train, num_parallel=self.others + 1)

        @parallel
        @step
        def train(self):
            at = current.parallel
            pathlib.Path(self.folder, f"here-{at.node_index}").touch()
            deadline = time.monotonic() + 20
            while len(list(pathlib.Path(self.folder).glob("here-*"))) < at.num_nodes:
                assert time.monotonic() < deadline, "the others did not come"
                time.sleep(0.01)
            self.at = tuple(at)
            self.next(self.join)

        @step
        def join(self, inputs):
            self.all = [i.at for i in inputs]
            assert not current.is_parallel and current.parallel is None
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Gang()
"""


def test_a_gang_runs_at_the_same_time_and_knows_its_members(flow_file) -> None:
    """Even with fewer workers than members: they wait for each other."""
    run = flow_file(GANG).run("--max-workers", 1)
    assert run.data.all == [("127.0.0.1", 5, index, "0") for index in range(5)]


SECRETS = """
    import os

    class Keeps(FlowSpec):
        @environment(vars={"LEVEL": 3})
        @secrets(sources=[
            {"type": "inline", "options": {"env_vars": {"TOKEN": "s3cret"}}},
            {"type": "environment", "options": {"env_vars": {"KEY": "OUTER_KEY"}}},
        ])
        @step
        def start(self):
            self.seen = len(os.environ["TOKEN"]), len(os.environ["KEY"]), os.environ["LEVEL"]
            self.next(self.end)

        @step
        def end(self):
            self.left = [name for name in ("TOKEN", "KEY", "LEVEL") if name in os.environ]

    if __name__ == "__main__":
        Keeps()
"""


@pytest.mark.parametrize("isolation", ["fork", "spawn", "none"])
def test_secrets_and_variables_are_there_for_their_step_only(flow_file, isolation) -> None:
    """And in nothing that is stored."""
    flow = flow_file(SECRETS)
    flow.call("run", "--isolation", isolation, environ={"OUTER_KEY": "0uter"})
    run = flow.latest_run()
    assert run["start"].task.data.seen == (6, 5, "3")
    assert run.data.left == []
    journals = b"".join(path.read_bytes() for path in flow.store.glob("runs/**/*.jsonl"))
    assert b"0uter" not in journals


def test_a_secret_that_is_not_there_fails_the_task_with_a_sentence(flow_file) -> None:
    """The names, never a value."""
    output = flow_file(SECRETS).call("run", exit_code=1)
    assert "the secret environment could not be had: OUTER_KEY is not set where the task runs" in output
    assert "s3cret" not in output
    assert "contextlib" not in output


FAILS_IN_ONE = """
    class Partly(FlowSpec):
        @step
        def start(self):
            self.items = range(6)
            self.next(self.work, foreach="items")

        @step
        def work(self):
            if self.input == 1:
                raise ValueError("one of six")
            self.next(self.after)

        @step
        def after(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Partly()
"""


def test_keep_going_runs_all_that_a_failure_does_not_block(flow_file) -> None:
    """A night's work is not lost for one bad item."""
    flow = flow_file(FAILS_IN_ONE)
    run = flow.run("--keep-going", "--max-workers", 1, exit_code=1)
    assert run.state.value == "failed"
    assert sorted(task.id for task in run["after"].tasks() if task.successful) == ["0", "2", "3", "4", "5"]
    assert "join" not in run
    stopped = flow.run("--max-workers", 1, exit_code=1)
    assert sum(task.successful for task in stopped["work"].tasks()) == 1


def test_with_decorates_every_step(flow_file) -> None:
    """One switch for a whole flow, in forks and in new interpreters."""
    for isolation in ("fork", "spawn"):
        run = flow_file(FAILS_IN_ONE).run("--with", "catch:var=failure", "--isolation", isolation)
        assert run.state.value == "finished"
        assert str(run["work"]["1"].data.failure) == "ValueError: one of six"


ADDED = """
    import os, time

    class Added(FlowSpec):
        @step
        def start(self):
            self.next(self.together, num_parallel=2)

        @parallel
        @step
        def together(self):
            self.at = current.parallel.node_index
            self.next(self.met)

        @step
        def met(self, inputs):
            self.places = [i.at for i in inputs]
            self.next(self.fan)

        @step
        def fan(self):
            self.items = range(2)
            self.next(self.work, foreach="items")

        @step
        def work(self):
            self.began = time.time()
            self.seen = os.environ["LEVEL"], len(os.environ["TOKEN"])
            self.tries = current.retry_count
            time.sleep(0.1 if self.input else 600)
            if not self.tries:
                raise ValueError("not yet")
            self.ended = time.time()
            self.next(self.join)

        @step
        def join(self, inputs):
            self.places = inputs[0].places
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Added()
"""


def test_every_decorator_works_by_with(flow_file) -> None:
    """All at once, each seen by what it does; where a step starts a gang, `catch` is left out."""
    added = [
        *("timeout:seconds=0.5", "catch:var=failure", "retry:times=1,minutes_between_retries=0"),
        *(
            'environment:vars={"LEVEL": 3}',
            'secrets:sources=["environment.TOKEN"],allow_override=true',
            "resources:memory=1e9",
        ),
    ]
    flow = flow_file(ADDED)
    words = [word for text in added for word in ("--with", text)]
    flow.call("run", *words, "--max-workers", 2, environ={"TOKEN": "s3cret"})
    run = flow.latest_run()
    late, early = (run["work"][task].data for task in ("0", "1"))
    assert (early.tries, early.seen, early.failure) == (1, ("3", 6), None)
    assert (late.tries, late.failure.type) == (1, "StepTimeoutError")
    assert not (late.began < early.ended and early.began < late.began + 0.4), "they do not fit together"
    assert run.data.places == [0, 1]


def test_a_wait_for_another_attempt_can_be_interrupted(flow_file) -> None:
    """Ctrl-C while nothing runs but a clock."""
    flow = flow_file(FLAKY.replace("0.005", "10"))
    with flow.start("run") as process:
        assert any("next attempt in 600 s" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 1
    assert flow.latest_run().state.value == "cancelled"
