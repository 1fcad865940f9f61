"""The local executors keep the contract, and promises of their own."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from flowstone_executors import InProcessExecutor, Job, Launch, LocalExecutor
from flowstone_executors.testing import (
    Events,
    ExecutorContract,
    contract_program,
    contract_request,
    wait_until_gone,
)
from flowstone_interfaces import PostEvent, Reason, Stream, TaskFinished, TaskLog, TaskRequest, TaskStarted


class TestFork(ExecutorContract):
    def make_executor(self, post: PostEvent) -> LocalExecutor:
        return LocalExecutor(post, contract_program)


class TestSpawn(ExecutorContract):
    def make_executor(self, post: PostEvent) -> LocalExecutor:
        return LocalExecutor(post)

    def test_a_program_that_is_not_there_is_refused(self, executor: LocalExecutor, events: Events) -> None:
        """Nothing ran, so it must not look as if the program had failed."""
        executor.submit(TaskRequest("one", ("no-such-program-anywhere",), b""))
        events.until(TaskFinished)
        end = events.finished()[0]
        assert end.reason is Reason.REFUSED
        assert "no-such-program-anywhere" in end.message


LAUNCHED = """
import sys, time
from flowstone_executors import serve_launched
from flowstone_executors.testing import contract_program

def load(payload):
    print(SAYS, end="", flush=True)
    time.sleep(SECONDS)
    return contract_program

serve_launched(int(sys.argv[1]), load)
"""


def launch(says: str = "", seconds: float = 0) -> Launch:
    program = LAUNCHED.replace("SECONDS", str(seconds)).replace("SAYS", repr(says))
    return Launch((sys.executable, "-c", program), {"LAUNCHED": "yes"})


class TestLaunched(ExecutorContract):
    def make_executor(self, post: PostEvent) -> LocalExecutor:
        return LocalExecutor(post, launch=launch())

    def test_the_program_is_loaded_once_by_the_other_interpreter(self) -> None:
        """The second task costs a fork; what loading prints is the output of the first."""
        events = Events()
        executor = LocalExecutor(events.post, launch=launch("loading"))
        for number in ("one", "two"):
            executor.submit(contract_request(number, ("variable", "LAUNCHED")))
            events.until(TaskFinished, 1 if number == "one" else 2)
        assert [end.result for end in events.finished()] == [b'"yes"', b'"yes"']
        executor.close()
        assert events.output(Stream.STDOUT) == b"loading"

    def test_loading_that_never_ends_ends_with_the_executor(self) -> None:
        """An import that hangs must not hang the run that is stopped."""
        events = Events()
        executor = LocalExecutor(events.post, launch=launch("loading", 600))
        executor.submit(contract_request("one"))
        events.until(TaskLog)
        executor.close()
        events.drain()
        assert [end.reason for end in events.finished()] == [Reason.CANCELLED]


class TestInProcess(ExecutorContract):
    can_interrupt = False
    has_output = False

    def make_executor(self, post: PostEvent) -> InProcessExecutor:
        return InProcessExecutor(post, contract_program)

    def test_an_interrupt_ends_the_task_and_reaches_the_caller(self) -> None:
        """Ctrl-C at a breakpoint stops the run, not just the task."""

        def interrupted(job: Job) -> int:
            raise KeyboardInterrupt

        events = Events()
        with pytest.raises(KeyboardInterrupt):
            InProcessExecutor(events.post, interrupted).submit(contract_request("one"))
        events.drain()
        assert events.finished()[0].reason is Reason.CANCELLED


def run_one(program, **fields) -> Events:
    events = Events()
    executor = LocalExecutor(events.post, program)
    executor.submit(contract_request("one", **fields))
    events.until(TaskFinished)
    executor.close()
    return events


def test_an_exception_of_the_program_is_printed_and_exits_one() -> None:
    """A fault must not vanish with the process."""

    def faulty(job: Job) -> int:
        raise ValueError("the sky is down")

    events = run_one(faulty)
    assert events.finished()[0].exit_code == 1
    assert b"ValueError: the sky is down" in events.output(Stream.STDERR)


def test_a_task_that_closes_its_streams_still_reports() -> None:
    """Users close what they like; the result has a way of its own."""

    def closes(job: Job) -> int:
        os.close(1)
        os.close(2)
        sys.stdout = None
        job.send_result(b"done")
        return 0

    assert run_one(closes).finished()[0].result == b"done"


def test_half_a_result_is_none() -> None:
    """A task killed while it reports has not reported."""

    def dies(job: Job) -> int:
        assert job.result_fd is not None
        os.write(job.result_fd, (100).to_bytes(8, "big") + b"only this")
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    end = run_one(dies).finished()[0]
    assert end.result is None
    assert end.exit_code == -signal.SIGKILL


def test_output_that_a_stranger_holds_open_does_not_hold_the_task() -> None:
    """A daemon that left the task's group keeps the pipe; the task is over all the same."""

    def leaves_daemon(job: Job) -> int:
        code = "import os, time; os.setsid(); print('up', flush=True); time.sleep(3)"
        child = subprocess.Popen([sys.executable, "-c", code])
        job.send_result(str(child.pid).encode())
        time.sleep(0.3)
        return 0

    events = run_one(leaves_daemon)
    assert events.finished()[0].exit_code == 0
    os.kill(int(events.finished()[0].result or b"0"), signal.SIGKILL)


def test_the_state_of_one_task_is_not_seen_by_another() -> None:
    """Isolation is the point of a process."""
    seen: list[int] = []

    def counts(job: Job) -> int:
        seen.append(1)
        job.send_result(str(len(seen)).encode())
        return 0

    events = Events()
    executor = LocalExecutor(events.post, counts)
    for number in range(3):
        executor.submit(contract_request(str(number)))
    events.until(TaskFinished, 3)
    executor.close()
    assert [e.result for e in events.finished()] == [b"1"] * 3
    assert seen == []


MANY_FILES = """
    import os, queue, resource
    from flowstone_executors import LocalExecutor
    from flowstone_executors.testing import contract_program, contract_request
    from flowstone_interfaces import TaskFinished

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
    for _ in range(1500):
        os.open(os.devnull, os.O_RDONLY)
    events = queue.SimpleQueue()
    executor = LocalExecutor(events.put, contract_program)
    executor.submit(contract_request("one", ("exit", 3)))
    while not isinstance(event := events.get(timeout=20), TaskFinished):
        pass
    executor.close()
    print(event.exit_code)
"""


@pytest.mark.skipif(
    0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 4096, reason="this system allows too few open files"
)
def test_a_process_with_many_open_files_can_fork_tasks() -> None:
    """`select` knows no descriptor above 1,023; data loaders open thousands."""
    code = textwrap.dedent(MANY_FILES)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "3\n", done.stderr


SCHEDULER = """
    import sys, time
    from flowstone_executors import LocalExecutor
    from flowstone_executors.testing import contract_program, contract_request
    from flowstone_interfaces import TaskStarted

    def post(event):
        if isinstance(event, TaskStarted):
            print(event.worker.split()[1], flush=True)

    executor = LocalExecutor(post, contract_program if sys.argv[1] == "fork" else None)
    executor.submit(contract_request("one", ("child", sys.argv[2]), ("sleep", 600)))
    executor.submit(contract_request("two", ("sleep", 600)))
    time.sleep(600)
"""


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_tasks_die_with_a_killed_scheduler(isolation: str, tmp_path: Path) -> None:
    """SIGKILL leaves no time to clean up; nothing may stay behind all the same."""
    code = textwrap.dedent(SCHEDULER)
    child_file = tmp_path / "child"
    scheduler = subprocess.Popen(
        [sys.executable, "-c", code, isolation, str(child_file)], stdout=subprocess.PIPE, text=True
    )
    assert scheduler.stdout is not None
    tasks = [int(scheduler.stdout.readline()), int(scheduler.stdout.readline())]
    while not child_file.exists():
        time.sleep(0.01)
    scheduler.kill()
    scheduler.wait()
    scheduler.stdout.close()
    for pid in (*tasks, int(child_file.read_text())):
        wait_until_gone(pid)


def test_a_killed_zygote_is_reported_and_takes_its_tasks_along() -> None:
    """The kernel may pick any process when memory runs out."""
    events = Events()
    executor = LocalExecutor(events.post, contract_program)
    executor.submit(contract_request("one", ("sleep", 600)))
    events.until(TaskStarted)
    assert executor._supervisor is not None
    os.kill(executor._supervisor._zygote.pid, signal.SIGKILL)
    events.until(TaskFinished)
    end = events.finished()[0]
    assert end.reason is Reason.LOST
    started = next(e for e in events.seen if isinstance(e, TaskStarted))
    wait_until_gone(int(started.worker.split()[1]))
    executor.submit(contract_request("two", ("exit", 0)))
    events.until(TaskFinished, 2)
    assert events.finished()[1].reason is Reason.LOST
    executor.close()


TWO = """
    import queue, sys
    from flowstone_executors import LocalExecutor
    from flowstone_executors.testing import contract_program, contract_request
    from flowstone_interfaces import TaskFinished

    events = queue.SimpleQueue()
    executors = [LocalExecutor(events.put, contract_program) for _ in range(3)]
    for executor in executors:
        executor.open()
    for number, executor in enumerate(executors):
        executor.submit(contract_request(str(number), ("sleep", 600) if number == 1 else ("exit", number)))
    codes = {}
    while len(codes) < 2:
        if isinstance(event := events.get(timeout=20), TaskFinished):
            codes[event.request_id] = event.exit_code
    for number in map(int, sys.argv[1]):
        executors[number].close()
    print(codes["0"], codes["2"])
"""


@pytest.mark.parametrize("order", ["012", "210", "102"])
def test_several_executors_close_in_any_order(order: str) -> None:
    """A zygote that was forked later has the earlier ones' sockets; they must end all the same."""
    code = textwrap.dedent(TWO)
    done = subprocess.run(
        [sys.executable, "-c", code, order], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout == "0 2\n", done.stderr


def test_usage_is_measured() -> None:
    """What a task cost is known without asking the user to measure it."""

    def burns(job: Job) -> int:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
        return 0

    end = run_one(burns).finished()[0]
    assert end.cpu_seconds is not None
    assert end.cpu_seconds >= 0.09
    assert end.max_memory_mib is not None
    assert end.max_memory_mib > 1
