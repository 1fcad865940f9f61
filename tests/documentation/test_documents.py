"""What README and docs say is true: their commands and snippets are run, in order, in a folder of their own."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import flowstone

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DEMO_PYTHON = ".nox/demo/bin/python"


def blocks(document: Path) -> list[tuple[str, str]]:
    """The fenced blocks, with their language."""
    return BLOCK.findall(document.read_text(encoding="utf-8"))


def environ() -> dict[str, str]:
    """Ours on the PATH first, and no settings of flowstone's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWSTONE_")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"}


def run(command: str, folder: Path) -> str:
    words = shlex.split(command)
    if words[0] in {"python", DEMO_PYTHON}:
        words[0] = sys.executable
    done = subprocess.run(words, cwd=folder, env=environ(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def run_python(source: str, folder: Path) -> None:
    """A flow becomes a file named for its class, what begins with a file's name that file; the rest runs."""
    named = re.match(r"# (\w+\.py)\n", source)
    if named is not None:
        (folder / named[1]).write_text(source, encoding="utf-8")
    elif "__main__" in source:
        name = re.search(r"^class (\w+)\(FlowSpec\)", source, re.MULTILINE)
        assert name is not None
        (folder / f"{name[1].lower()}.py").write_text(source, encoding="utf-8")
    else:
        subprocess.run([sys.executable, "-c", source], cwd=folder, env=environ(), check=True)


def test_the_guide_works_from_top_to_bottom(tmp_path: Path) -> None:
    """A reader who types along sees what the page says."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)  # a project root, as the page assumes
    for language, text in blocks(ROOT / "docs" / "guide.md"):
        if language == "python":
            run_python(text, tmp_path)
        elif language == "toml":  # what a reader adds to the project's settings
            with (tmp_path / "pyproject.toml").open("a", encoding="utf-8") as project:
                project.write(f"\n{text}")
        else:
            for line in text.splitlines():
                run(line, tmp_path)


def test_the_page_on_fast_data_works(tmp_path: Path) -> None:
    """Snippets are copied before they are read."""
    for language, text in blocks(ROOT / "docs" / "fast-data.md"):
        assert language == "python"
        run_python(text, tmp_path)


def test_the_page_on_environments_works(tmp_path: Path) -> None:
    """Where a package index can be reached; everything else that it says is tested without one."""
    asked = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-cache", "-"]
    impatient = {**environ(), "UV_HTTP_TIMEOUT": "15", "UV_HTTP_RETRIES": "1"}
    done = subprocess.run(
        asked, input="packaging==24.2", text=True, capture_output=True, env=impatient, check=False
    )
    if done.returncode:
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip()[-200:]}")
    (tmp_path / "pyproject.toml").touch()
    for language, text in blocks(ROOT / "docs" / "environments.md"):
        if language == "python":
            run_python(text, tmp_path)
        else:
            for line in text.splitlines():
                run(line, tmp_path)


def test_the_page_on_the_sandbox_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first command to the last; it ends stopped, whatever happens."""
    outputs = in_sandbox(ROOT / "docs" / "sandbox.md", tmp_path, monkeypatch)
    assert outputs["flowstone sandbox run flowstone runs Clouds"].count("Clouds/") == 1
    assert outputs["flowstone sandbox run python job.py"] == "hello, this is child 2\n"


def in_sandbox(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What each command of a page prints that starts a sandbox and stops it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    outputs = {}
    with contextlib.ExitStack() as stack:
        for language, text in blocks(document):
            if language == "python":
                run_python(text, tmp_path)
                continue
            for line in text.splitlines():
                outputs[line] = run(line, tmp_path)
                if line == "flowstone sandbox start":
                    stack.callback(subprocess.run, ["flowstone", "sandbox", "stop"], env=environ(), check=False)
    return outputs


def test_the_page_on_aws_batch_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a new user types it; it ends stopped, whatever happens."""
    outputs = in_sandbox(ROOT / "docs" / "batch.md", tmp_path, monkeypatch)
    some, everything = (output for line, output in outputs.items() if "squares.py run" in line)
    assert "square/2 | 3 squared" in some
    assert "end/0 | in all 14" in everything
    assert outputs["flowstone sandbox run python squares.py logs latest/square/0"] == "1 squared\n"


def test_the_page_on_executors_works(tmp_path: Path) -> None:
    """Its executor keeps the contract that it tests itself by."""
    for language, text in blocks(ROOT / "docs" / "write-an-executor.md"):
        if language == "python":
            run_python(text, tmp_path)
        else:
            assert "passed" in run(text.strip(), tmp_path)


def test_the_page_on_step_functions_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first command to the last; the folder that stands for an image is that of this Python."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    outputs = {}
    with contextlib.ExitStack() as stack:
        for language, text in blocks(ROOT / "docs" / "step-functions.md"):
            if language == "python":
                run_python(text, tmp_path)
                continue
            for line in text.splitlines():
                outputs[line] = run(line.replace("=.venv/bin", f"={Path(sys.executable).parent}"), tmp_path)
                if line.startswith("flowstone sandbox start"):
                    stack.callback(subprocess.run, ["flowstone", "sandbox", "stop"], env=environ(), check=False)
    (triggered,) = (output for line, output in outputs.items() if " trigger " in line)
    (listed,) = (output for line, output in outputs.items() if line.endswith(" list-runs"))
    assert triggered.strip() in listed


@pytest.mark.slow
def test_the_readme_works_after_the_demo(tmp_path: Path) -> None:
    """The demo on its largest airlines only, then every other line of the README."""
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    run("python examples/flights/flights.py run --min-flights 40000", tmp_path)
    commands = [
        line
        for language, text in blocks(ROOT / "README.md")
        if language == "sh"
        for line in text.splitlines()
        if "bootstrap.py" not in line
    ]
    assert len([line for line in commands if line.startswith(DEMO_PYTHON)]) >= 4
    for language, text in blocks(ROOT / "README.md"):
        if language == "python":
            run_python(text, tmp_path)
    outputs = [run(line, tmp_path) for line in commands]
    assert all(outputs)
    assert "JetBlue" in outputs[3]
    assert "end/0 | Hello! Hello! " in outputs[-1]
    run_notebook(tmp_path / "examples" / "flights" / "look.ipynb")


def run_notebook(notebook: Path) -> None:
    """Execute every cell, as the person who opens it would."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    content = nbformat.read(notebook, as_version=4)
    nbclient.NotebookClient(content, resources={"metadata": {"path": str(notebook.parent)}}).execute()
    shown = [output for cell in content.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)


def test_ci_runs_the_commands_of_the_readme() -> None:
    """The two lines that a newcomer pastes are those that must pass before anything lands."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    first, second = [text.strip() for language, text in blocks(ROOT / "README.md") if language == "sh"][:2]
    assert first in script
    assert second in script


def test_every_link_leads_somewhere() -> None:
    """Links rot."""
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_table_for_metaflow_users_is_true() -> None:
    """Every name is in one row; those that work are exported, the others are not."""
    rows = re.findall(
        r"^\| (`.*?) \| (work|to come) \|$", (ROOT / "docs/coming-from-metaflow.md").read_text(), re.MULTILINE
    )
    said = {name: state for names, state in rows for name in re.findall(r"`(\w+)`", names)}
    assert len(said) > 50
    for name, state in said.items():
        assert (name in flowstone.__all__) == (state == "work"), name
    ours_alone = {"AllFlows", "CaughtError", "Client", "FlowstoneError", "StepTimeoutError", "publish_event"}
    assert set(flowstone.__all__) - ours_alone == {name for name, state in said.items() if state == "work"}
