import json
import subprocess
import sys
import textwrap

import pytest

from flowstone_client import Client, Flow
from flowstone_runtime.module_start import WITHOUT_WORKING_FOLDER

LOAD = """
    import json
    import sys
    from pathlib import Path
    from flowstone_runtime.worker import load_flow

    file, module, name = sys.argv[1:]
    flow = load_flow(Path(file), module or None, name)
    main = sys.modules["__main__"]
    facts = {
        "flow": flow.__name__,
        "module": flow.__module__,
        "is_main": main.__dict__.get(name) is flow,
        "file": main.__file__,
        "argv": sys.argv,
        "path": sys.path[0],
        "state": main.__dict__.get("STATE"),
    }
    print(json.dumps(facts))
"""


def load(flow, name, module="", cwd=None, exit_code=0):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{WITHOUT_WORKING_FOLDER}\n{textwrap.dedent(LOAD)}",
            str(flow.path),
            module,
            name,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    if exit_code:
        return done.stderr
    return json.loads(done.stdout)


SCRIPT = """
    import helper_of_script
    STATE = ["module"]

    class Other(FlowSpec):
        @step
        def start(self):
            pass

    class Script(FlowSpec):
        @step
        def start(self):
            pass

    if __name__ == "__main__":
        STATE.append("guarded")
        Script()
        STATE.append("never")
"""


def test_a_file_is_run_as_the_script_that_it_is_up_to_its_command_line(flow_file, tmp_path) -> None:
    """What the guard does before is done, what comes after is not: as in the process that started the run."""
    (tmp_path / "helper_of_script.py").write_text("")
    flow = flow_file(SCRIPT)
    assert load(flow, "Script") == {
        "flow": "Script",
        "module": "__main__",
        "is_main": True,
        "file": str(flow.path),
        "argv": [str(flow.path)],
        "path": str(tmp_path),
        "state": ["module", "guarded"],
    }


@pytest.mark.parametrize("name", ["Other", "Nonsense"])
def test_a_file_that_starts_another_flow_is_refused(flow_file, tmp_path, name) -> None:
    """It was changed since the run started."""
    (tmp_path / "helper_of_script.py").write_text("")
    assert f"does not start the flow '{name}'" in load(flow_file(SCRIPT), name, exit_code=1)


def test_a_file_that_starts_none_is_refused(flow_file, tmp_path) -> None:
    """The guard was forgotten, or the flow is started from elsewhere."""
    (tmp_path / "helper_of_script.py").write_text("")
    flow = flow_file(SCRIPT.replace("Script()\n", "pass\n"))
    assert "does not start the flow 'Script'" in load(flow, "Script", exit_code=1)


IN_PACKAGE = """
    from . import helper
    from .helper import VALUE
    import package.helper
    STATE = VALUE

    class Inside(FlowSpec):
        @step
        def start(self):
            self.value = helper.VALUE
            self.next(self.end)

        @step
        def end(self):
            from .helper import VALUE
            self.value += VALUE

    if __name__ == "__main__":
        Inside()
"""


def test_a_flow_in_a_package_finds_its_relatives(flow_file, tmp_path) -> None:
    """As `python -m package.flow` lets it."""
    flow = flow_file(IN_PACKAGE, "package/flow.py")
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "helper.py").write_text("VALUE = 21\n")
    facts = load(flow, "Inside", "package.flow")
    assert (facts["state"], facts["path"]) == (21, str(tmp_path))


@pytest.mark.parametrize("isolation", ["fork", "spawn", "none"])
@pytest.mark.parametrize("has_init", [True, False])
def test_a_flow_in_a_package_runs_in_every_isolation(flow_file, tmp_path, isolation, has_init) -> None:
    """Wherever the task runs, the imports mean the same; all of it is stored."""
    flow_file(IN_PACKAGE, "package/flow.py")
    (tmp_path / "pyproject.toml").write_text("")
    if has_init:
        (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "helper.py").write_text("VALUE = 21\n")
    done = subprocess.run(
        [sys.executable, "-m", "package.flow", "run", "--isolation", isolation],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    run = Flow("Inside", client=Client(tmp_path / ".flowstone")).latest_run
    assert run.data.value == 42
    files = {"package/flow.py", "package/helper.py", *(["package/__init__.py"] if has_init else [])}
    assert set(run.code) == files


def test_a_file_that_cannot_be_loaded_any_more_fails_the_task_in_the_users_words(flow_file, tmp_path) -> None:
    """Not with a traceback of ours, and not with nothing but an exit code."""
    flow = flow_file("""
        import sys

        if sys.argv == [__file__]:  # a worker is told nothing on its command line
            raise RuntimeError("this machine lacks a driver")

        class Breaks(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            Breaks()
    """)
    output = flow.call("run", "--isolation", "spawn", exit_code=1)
    assert "RuntimeError: this machine lacks a driver" in output
    assert "flowstone_runtime/worker.py" not in output
    run = Flow("Breaks", client=Client(tmp_path / ".flowstone")).latest_run
    assert "this machine lacks a driver" in run.message
    assert run["start"].task.exception.file == str(flow.path)
