"""Flows that programs run: real processes, started from threads, event loops and notebooks."""

import asyncio

import pytest

from flowstone import Runner
from flowstone_runtime.programs.executing import RunNotStartedError

FLOW = """
    import time

    class Driven(FlowSpec):
        alpha = Parameter("alpha", default=1)
        items = Parameter("items", type=JSONType, default=[1])
        seconds = Parameter("seconds", default=0.0)
        loud = Parameter("loud", is_flag=True, default=False)

        @step
        def start(self):
            print("alpha is", self.alpha, flush=True)
            time.sleep(self.seconds)
            if self.alpha < 0:
                raise ValueError("negative")
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Driven()
"""


def test_a_program_runs_a_flow_and_looks_at_what_it_left(flow_file) -> None:
    """The run is known from its first record on, not guessed from output."""
    with Runner(flow_file(FLOW).path, show_output=False) as runner:
        done = runner.run(alpha=3, items=[1, {"a": 2}], tag=["x", "y"])
        assert (done.status, done.returncode) == ("successful", 0)
        assert done.run.parameters.items == [1, {"a": 2}]
        assert done.run.user_tags == {"x", "y"}
        assert "alpha is 3" in done.stdout
        failed = runner.run(alpha=-1)
        assert (failed.status, failed.run.state.value) == ("failed", "failed")
        resumed = runner.resume(alpha=2)
        assert resumed.run.successful
        assert not resumed.run.parameters.loud
        loud = runner.resume("start", loud=True)
        assert loud.run.parameters.loud
        assert not runner.resume("start", loud=False).run.parameters.loud
        tried = runner.spin("start", skip_decorators=True)
        assert (tried.status, tried.task.data.alpha) == ("successful", 2)
        assert tried.task.parent.parent.system_tags >= {"runtime:spin"}
        assert runner.spin("start", persist=False).returncode == 0
        with pytest.raises(RunNotStartedError, match="nowhere"):
            runner.spin("nowhere")


def test_what_is_refused_says_why(flow_file) -> None:
    """Nothing has begun, so there is no run to give."""
    with pytest.raises(RunNotStartedError, match="nonsense"):
        Runner(flow_file(FLOW).path, show_output=False).run(nonsense=1)


def test_a_run_in_an_event_loop(flow_file) -> None:
    """Started, followed line by line, waited for with a limit, and stopped at the end."""

    async def drive() -> None:
        async with Runner(flow_file(FLOW).path, show_output=False) as runner:
            executing = await runner.async_run(seconds=0.2, alpha=5)
            lines = [line async for _, line in executing.stream_log("stdout")]
            assert any("alpha is 5" in line for line in lines)
            assert (await executing.wait()).status == "successful"
            slow = await runner.async_run(seconds=600)
            assert slow.run.state.value == "running"
            assert (await slow.wait(timeout=0.1, stream="stdout")).status == "timeout"
            tried = await runner.async_spin(f"{executing.run.id}/start")
            assert (await tried.wait()).task.data.alpha == 5
            run = slow.run
        assert run.state.value == "cancelled"

    asyncio.run(drive())


def test_a_flow_in_the_cells_of_a_notebook(tmp_path) -> None:
    """Written over several cells, run from another, inside of the kernel's event loop, and one task tried again
    after a cell has changed; no file is left."""
    import nbformat
    from nbclient import NotebookClient

    (tmp_path / "pyproject.toml").touch()
    cells = [
        "from flowstone import FlowSpec, NBRunner, Parameter, step\nFACTOR = 10",
        "def scaled(x):\n    return x * FACTOR",
        """
class Cells(FlowSpec):
    x = Parameter("x", default=1)

    @step
    def start(self):
        self.y = scaled(self.x)
        self.next(self.end)

    @step
    def end(self):
        pass
""",
        "run = NBRunner(Cells, show_output=False).nbrun(x=4)\nprint(run.data.y)",
        """
async with NBRunner(Cells, show_output=False) as runner:
    executing = await runner.async_run(x=5)
    await executing.wait()
print(executing.run.data.y)
""",
        """
FACTOR = 100
print(NBRunner(Cells, show_output=False).nbspin(f"{run.id}/start").data.y)
""",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert [notebook.cells[n].outputs[0].text for n in (3, 4, 5)] == ["40\n", "50\n", "400\n"]
    assert not list(tmp_path.glob(".Cells-*"))
