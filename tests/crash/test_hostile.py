"""What users' machines and users' code do to a run: it goes on, or it says what happened."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flow_files import HEADER, FlowFile, clean_environ

PLAIN = """
    class Plain(FlowSpec):
        @step
        def start(self):
            self.items = [1, 2]
            self.next(self.work, foreach="items")

        @step
        def work(self):
            self.x = self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = sum(i.x for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            print("total", self.total)

    if __name__ == "__main__":
        Plain()
"""


def with_start(code: str) -> str:
    """A flow whose first step does something."""
    return PLAIN.replace("            self.items = [1, 2]", f"            {code}\n            self.items = [1, 2]")


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group that may hold 400 MiB, where one can be made."""
    group = Path(f"/sys/fs/cgroup/memory/flowstone-test-{os.getpid()}")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(400 << 20))
    except OSError:
        pytest.skip("no control group can be made here (needs root and cgroup v1)")
    yield group
    group.rmdir()


def test_a_task_that_takes_all_memory_is_named_and_the_reason_is_memory(flow_file, little_memory) -> None:
    """`Killed` alone has cost people days."""
    flow = flow_file(with_start("self.large = bytearray(1 << 30)"))
    inside = f'echo $$ > {little_memory}/cgroup.procs; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", inside, "sh", *flow.command("run")], capture_output=True, text=True, check=False,
        env=clean_environ(),
    )  # fmt: skip
    assert done.returncode == 1
    assert "start/0: FAILED: the machine ran out of memory, and the kernel killed it; it held " in done.stdout
    assert flow.latest_run()["start"].task._known.ended.reason == "out_of_memory"


# A new process counts the memory of the one that started it as its own; so a small one starts it.
SAY_PEAK_MEMORY = """
import os, subprocess, sys
_, status, usage = os.wait4(subprocess.Popen(sys.argv[1:]).pid, 0)
sys.stderr.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_line_of_a_hundred_megabytes_is_stored_whole_and_fills_no_memory(flow_file, tmp_path) -> None:
    """A progress bar that forgot its line feeds is cut into pieces on its way, not collected."""
    flow = flow_file(with_start("import os; [os.write(1, b'x' * 1_000_000) for _ in range(100)]"))
    with (tmp_path / "output").open("wb") as output:
        command = [sys.executable, "-c", SAY_PEAK_MEMORY, *flow.command("run")]
        done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, check=True, env=clean_environ())
    assert int(done.stderr) < 200 * 1024, "KiB, of the scheduler"
    assert len(flow.latest_run()["start"].task.stdout) == 100_000_000


def test_bytes_that_are_not_utf_8_are_kept_and_shown(flow_file) -> None:
    """Compiled libraries write what they like."""
    flow = flow_file(with_start(r"import os; os.write(1, b'caf\xe9 \xff\n'); os.write(2, b'\x00\x80\n')"))
    assert r"caf\xe9 \xff" in flow.call("run")
    task = flow.latest_run()["start"].task
    assert task.stdout == "caf\\xe9 \\xff\n"
    assert b"".join(frame.data for frame in task.log_frames() if frame.stream == "stderr") == b"\x00\x80\n"


def test_a_task_that_closes_its_output_goes_on(flow_file) -> None:
    """Daemons do; the result comes another way."""
    flow = flow_file(with_start("import os; os.close(1); os.close(2)"))
    flow.call("run")
    assert flow.latest_run().data.total == 3


def test_a_clock_that_goes_backwards_changes_no_result(flow_file) -> None:
    """Laptops wake up, clocks are set: order comes from the journal, not from the time of day."""
    source = with_start("pass").replace(
        "    class Plain",
        "    import time\n    real, begin = time.time, time.time()\n"
        "    time.time = lambda: begin - 100 * (real() - begin)\n\n    class Plain",
    )
    flow = flow_file(source)
    flow.call("run")
    run = flow.latest_run()
    assert run.state.value == "finished"
    assert run.data.total == 3
    assert [step.id for step in run.steps()] == ["start", "work", "join", "end"]
    flow.call("resume", "join")
    assert flow.latest_run().data.total == 3


@pytest.mark.parametrize("isolation", ["fork", "spawn", "none"])
def test_modules_of_the_users_that_are_named_like_ours_are_the_users(flow_file, isolation) -> None:
    """`scheduler.py`, `client.py`, `journal.py` and `retry.py` are good names for anybody's files."""
    flow = flow_file(PLAIN.replace("sum(i.x for i in inputs)", "scheduler.ANSWER + client.ANSWER").replace(
        "    class Plain", "    import client, scheduler\n\n    class Plain"
    ))  # fmt: skip
    for name in ("scheduler", "client", "journal", "retry", "records", "current", "graph", "datastore"):
        (flow.path.parent / f"{name}.py").write_text("ANSWER = 21\n")
    flow.call("run", "--isolation", isolation)
    assert flow.latest_run().data.total == 42


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_files_in_the_working_folder_do_not_take_the_place_of_our_packages(flow_file, isolation, tmp_path) -> None:
    """A folder called flowstone_runtime beside the flow is somebody's notes, or an attack on a worker."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("flowstone_runtime", "flowstone_datastore", "attr", "json"):
        (folder / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    flow = flow_file(PLAIN)
    flow.call("run", "--isolation", isolation, cwd=folder)
    assert flow.latest_run().data.total == 3


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_paths_with_spaces_and_letters_of_every_kind_work(tmp_path, isolation) -> None:
    """Most home folders in the world are not called /home/john."""
    folder = tmp_path / "Ünïted données 日本 'quoted' & 100%"
    folder.mkdir()
    flow = FlowFile(folder / "mein flöw.py")
    flow.path.write_text(HEADER + textwrap.dedent(PLAIN), encoding="utf-8")
    flow.call("run", "--isolation", isolation)
    assert flow.latest_run().data.total == 3
    assert "total 3" in flow.call("logs", "latest/end")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_working_folder_that_is_read_only_needs_a_store_elsewhere_and_says_so(flow_file, tmp_path) -> None:
    """Installed flows are read-only; with a store elsewhere they run."""
    flow = flow_file(PLAIN)
    elsewhere = tmp_path.parent / f"{tmp_path.name}-store"
    flow.path.parent.chmod(0o555)
    try:
        assert "error: " in flow.call("run", exit_code=2)
        flow.call("--store", elsewhere, "run")
    finally:
        flow.path.parent.chmod(0o755)


def test_without_user_and_home_the_account_names_the_user(flow_file) -> None:
    """Containers run as root with an empty environment."""
    flow = flow_file(PLAIN)
    bare = {name: value for name, value in clean_environ().items() if name in {"PATH", "PYTHONPATH", "LANG"}}
    done = subprocess.run(flow.command("run"), capture_output=True, text=True, check=False, env=bare)
    assert done.returncode == 0, done.stdout + done.stderr
    assert flow.latest_run().user not in ("", None)


FORK_HAZARDS = """
    import threading, time

    lock = threading.Lock()

    def hold():
        while True:
            with lock:
                time.sleep(0.001)

    threading.Thread(target=hold, daemon=True).start()
"""


def test_a_module_that_starts_threads_when_imported_is_run_correctly(flow_file) -> None:
    """A fork has only one thread, and the others' locks as they were: such a run must not hang."""
    flow = flow_file(FORK_HAZARDS + with_start("self.thread = threading.current_thread().name"))
    began = time.monotonic()
    run = flow.run()
    assert run.data.total == 3
    assert run["start"].task.data.thread == "MainThread"
    assert time.monotonic() - began < 60


def test_numeric_libraries_with_pools_of_threads_work_in_forks(flow_file) -> None:
    """numpy's BLAS has its threads from the first product on; a fork must not wait for them."""
    pytest.importorskip("numpy")
    flow = flow_file(
        "    import numpy\n    warm = numpy.ones((400, 400)) @ numpy.ones((400, 400))\n"
        + with_start("self.product = float((numpy.ones((500, 500)) @ numpy.ones((500, 500))).sum())")
    )
    assert flow.run()["start"].task.data.product == 125_000_000.0


def test_sixteen_runs_that_resume_at_once_do_not_meet(flow_file) -> None:
    """All of them take over from one run, each in its own journal."""
    flow = flow_file(PLAIN)
    flow.run()
    processes = [flow.start("resume", "join") for _ in range(16)]
    for process in processes:
        output, _ = process.communicate(timeout=240)
        assert process.returncode == 0, output
    assert len(list((flow.store / "runs" / "Plain").iterdir())) == 17
