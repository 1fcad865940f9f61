"""Built environments are whole or not there, whoever builds them, and however that ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from flowstone_runtime.environments.prefixes import built_prefix, is_whole

BUILD = """
import sys, time
from pathlib import Path
from flowstone_runtime.environments.prefixes import built_prefix

def build(new):
    (new / "bin").mkdir(parents=True)
    print("building", flush=True)
    time.sleep(SECONDS)
    (new / "bin" / "python").write_text("")

built_prefix(Path(sys.argv[1]), "key", build)
"""


def builder(folder: Path, seconds: float) -> subprocess.Popen:
    program = BUILD.replace("SECONDS", str(seconds))
    return subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True)


def make(new: Path) -> None:
    (new / "bin").mkdir(parents=True)
    (new / "bin" / "python").write_text("")


def test_one_builds_and_the_others_wait(tmp_path) -> None:
    """Four processes that want the same environment at once make it once."""
    builders = [builder(tmp_path, 0.2) for _ in range(4)]
    said = [each.communicate()[0] for each in builders]
    assert [each.returncode for each in builders] == [0] * 4
    assert said.count("building\n") == 1
    assert is_whole(tmp_path / "key")


def test_a_killed_builder_holds_nobody_up(tmp_path) -> None:
    """Nothing half made is found, no lock stays, and what was left is removed."""
    killed = builder(tmp_path, 600)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "building\n"
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not (tmp_path / "key").exists()
    assert is_whole(built_prefix(tmp_path, "key", make))
    assert not list(tmp_path.glob(".new-*"))


def test_an_environment_whose_python_is_gone_is_built_again(tmp_path) -> None:
    """An upgrade of the system's Python must not break every flow."""
    prefix = built_prefix(tmp_path, "key", make)
    (prefix / "bin" / "python").unlink()
    (prefix / "bin" / "python").symlink_to("/nowhere/python3")
    assert is_whole(built_prefix(tmp_path, "key", make))
