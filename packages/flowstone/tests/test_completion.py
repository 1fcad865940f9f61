"""The tab key, in real shells."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
from flowstone import FlowSpec, Parameter, step

class Completed(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Completed()
"""

ASK = {
    # bash has no command for what the tab key does, so its functions are called as it calls them.
    "bash": """
        eval "$(flowstone completion bash)"
        complete_words() {
            COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=()
            local function=$(complete -p "$1"); function="${function##*-F }"
            ${function%% *} "$1"
            printf '%%s\\n' "${COMPREPLY[@]}"
        }
        complete_words %s
    """,
    "fish": 'flowstone completion fish | source; complete -C "%s"',
}


@pytest.fixture
def complete(tmp_path):
    """What a shell offers for the words typed so far."""
    (tmp_path / "flow file.py").write_text("print(1)")
    (tmp_path / "flow.py").write_text(FLOW)

    def ask(shell: str, typed: str) -> list[str]:
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [shell, "-c", ASK[shell] % typed],
            cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return [line.split("\t")[0] for line in done.stdout.splitlines() if line]

    return ask


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_the_program_and_flow_files_complete_their_commands_and_options(complete, shell) -> None:
    """Nobody types --max-num-splits by heart."""
    assert complete(shell, "flowstone statu") == ["status"]
    assert complete(shell, "python flow.py output") == ["output-dot"]
    assert complete(shell, "python flow.py run --alp") == ["--alpha"]


def test_other_programs_are_left_alone(complete, tmp_path) -> None:
    """Completion of `python` belongs to the user: a file that is no flow is not run."""
    (tmp_path / "other.py").write_text("import pathlib; pathlib.Path('was-run').touch()")
    assert complete("bash", "python other.py ru") == []
    assert not (tmp_path / "was-run").exists()


def test_zsh_accepts_what_it_is_given() -> None:
    """A syntax error would greet people in every new window."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    script = subprocess.check_output([sys.executable, "-m", "flowstone", "completion", "zsh"])
    subprocess.run(["zsh", "-n"], input=script, check=True)
