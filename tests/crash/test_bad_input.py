"""What a user can do wrong gets one clear message, the right exit code, and no traceback of ours."""

import os
import resource
import subprocess

import pytest

GOOD = """
    class Good(FlowSpec):
        n = Parameter("n", default=1)

        @step
        def start(self):
            self.data = bytes(200_000)
            self.next(self.end)

        @step
        def end(self):
            self.more = os.urandom(2_000_000)

    import os

    if __name__ == "__main__":
        Good()
"""


def test_an_unparseable_file_is_pythons_own_syntax_error(flow_file) -> None:
    """Python says it best: file, line, caret."""
    flow = flow_file(GOOD.replace("def start(self):", "def start(self:"))
    output = flow.call("run", exit_code=1)
    assert "SyntaxError" in output
    assert "flowstone_" not in output


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("self.next(self.end)", "self.next(self.edn)", ["flow.py:10", "'edn'", "self.end"]),
        ("self.more =", "self.next(self.start); self.more =", ["flow.py:14", "end"]),
        ("self.next(self.end)", "pass", ["flow.py", "self.next"]),
        ("self.next(self.end)", "self.next('end')", ["flow.py:10", "self.end"]),
        ("def end(self):", "def ende(self):", ["end"]),
    ],
)
def test_a_flow_that_cannot_work_is_refused_before_anything_runs(flow_file, old, new, words) -> None:
    """With the line of the fault, exit code 2, and nothing stored."""
    flow = flow_file(GOOD.replace(old, new))
    for command in ("run", "check", "show"):
        output = flow.call(command, exit_code=2)
        for word in words:
            assert word in output
        assert "Traceback" not in output
    assert not flow.store.exists()


def test_a_cycle_is_named(flow_file) -> None:
    """Which steps it goes through."""
    flow = flow_file("""
        class Cycle(FlowSpec):
            @step
            def start(self):
                self.next(self.a)

            @step
            def a(self):
                self.next(self.b)

            @step
            def b(self):
                self.next(self.a)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            Cycle()
    """)
    output = flow.call("run", exit_code=2)
    assert "a" in output
    assert "b" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--n", "many"], ["--n", "many", "integer"]),
        (["run", "--m", "1"], ["--m"]),
        (["rum"], ["rum", "run"]),
        (["dump", "nope"], ["nope"]),
        (["logs", "nope/start"], ["nope"]),
        (["run", "--max-workers", "-1"], ["--max-workers"]),
        (["run", "--isolation", "chroot"], ["chroot", "fork"]),
    ],
)
def test_wrong_usage_exits_with_two(flow_file, arguments, words) -> None:
    """Scripts tell a wrong call from a failed flow."""
    flow = flow_file(GOOD)
    flow.run()
    output = flow.call(*arguments, exit_code=2)
    for word in words:
        assert word in output
    assert "Traceback" not in output


def test_an_unpicklable_artifact_is_named_with_step_and_type(flow_file) -> None:
    """The user knows at once which line to change."""
    flow = flow_file("""
        import threading

        class Unpicklable(FlowSpec):
            @step
            def start(self):
                self.fine = 1
                self.lock = threading.Lock()
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            Unpicklable()
    """)
    output = flow.call("run", exit_code=1)
    for word in ("start", "self.lock", "lock"):
        assert word in output
    assert "flowstone_runtime" not in output
    assert flow.latest_run()["start"].task.data.fine == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("self.missing", ["missing", "start"]),
        ("self.n = 2", ["self.n", "parameter"]),
        ("self.start = 2", ["self.start", "step"]),
        ("self.me = self", ["Mistake"]),
    ],
)
def test_a_mistake_in_a_step_says_what_to_do(flow_file, line, words) -> None:
    """In the user's words, at the user's line."""
    flow = flow_file(f"""
        class Mistake(FlowSpec):
            n = Parameter("n", default=1)

            @step
            def start(self):
                {line}
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            Mistake()
    """)
    output = flow.call("run", exit_code=1)
    for word in words:
        assert word in output
    assert "flowstone_runtime" not in output


def test_a_store_that_cannot_be_written_is_said_before_anything_runs(flow_file, tmp_path) -> None:
    """A file where the folder should be: it stops root too."""
    flow = flow_file(GOOD)
    blocked = tmp_path / "a file"
    blocked.write_text("")
    output = flow.call("--store", blocked / "store", "run", exit_code=1)
    assert "a file" in output
    assert "Traceback" not in output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_store_is_said(flow_file) -> None:
    """The message names the folder."""
    flow = flow_file(GOOD)
    flow.path.parent.chmod(0o500)
    try:
        output = flow.call("run", exit_code=1)
    finally:
        flow.path.parent.chmod(0o700)
    assert ".flowstone" in output
    assert "Traceback" not in output


def test_a_full_disk_fails_the_run_with_one_sentence_and_loses_nothing(flow_file) -> None:
    """No file may grow past 20 kB: the second step's artifact does not fit."""
    flow = flow_file(GOOD)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    output = flow.call("run", exit_code=1, preexec_fn=limit)
    assert "full" in output or "too large" in output.lower()
    assert "flowstone_runtime" not in output
    run = flow.latest_run()
    assert run.state.value == "failed"
    assert run["start"].task.data.data == bytes(200_000)
    assert flow.run().state.value == "finished"


def can_mount() -> bool:
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="a small file system of its own needs root")
@pytest.mark.parametrize("pages", [1, 4, 16, 60])
def test_a_really_full_file_system_is_survived_at_every_fill(flow_file, tmp_path, pages) -> None:
    """Wherever it runs full: one message, exit code 1, what was written can be read."""
    flow = flow_file(GOOD)
    small = tmp_path / "small"
    small.mkdir()
    command = " ".join(map(str, flow.command("--store", small, "run")))
    script = (
        f"mount -t tmpfs -o size={pages * 4}k tmpfs {small} && {command}; code=$?; "
        f"{' '.join(map(str, flow.command('--store', small, 'dump')))}; exit $code"
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 1, output
    assert "full" in output or "no space" in output.lower(), output
    assert "flowstone_" not in output, output


def test_a_constant_that_cannot_be_stored_is_named(flow_file) -> None:
    """Nothing ran, so no run is left behind."""
    flow = flow_file(GOOD.replace('n = Parameter("n", default=1)', "lock = __import__('threading').Lock()"))
    output = flow.call("run", exit_code=2)
    assert "Good.lock" in output
    assert "Traceback" not in output
    assert not (flow.store / "runs").exists()


def test_a_run_id_file_that_cannot_be_written_is_said(flow_file, tmp_path) -> None:
    """Before anything runs."""
    flow = flow_file(GOOD)
    output = flow.call("run", "--run-id-file", tmp_path / "no" / "such" / "folder", exit_code=2)
    assert "--run-id-file" in output
    assert "Traceback" not in output
    assert not (flow.store / "runs").exists()
