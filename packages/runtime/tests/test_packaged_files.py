"""Which files are kept with a run: what git ignores, what is secret, what is large, what lies beside."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowstone_datastore import Datastore, MemoryStorage
from flowstone_runtime.code.package import code_files, snapshot_code
from flowstone_runtime.code.refused import LARGEST_FILE_BYTES, RefusedCodeError, looks_secret

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def write(root: Path, **contents: str) -> None:
    """`{"a/b.txt": "..."}`."""
    for path, text in contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path):
    """A project with a flow."""
    write(tmp_path / "project", **{"flow.py": "import helper\n", "helper.py": "X = 1\n", "pyproject.toml": ""})
    return tmp_path / "project"


def paths(root: Path, *patterns: str) -> list[str]:
    return list(code_files(root / "flow.py", root, {}, patterns).files)


def key(root: Path, *patterns: str) -> str:
    store = Datastore.at(MemoryStorage(), create=True)
    return snapshot_code(store, root / "flow.py", root, {}, patterns).key


def test_files_that_are_named_belong_to_the_code(root) -> None:
    """A query or a template is code as much as a module is."""
    write(root, **{"queries/a.sql": "select 1", "queries/b.bak": "", "page.html": "<p>"})
    assert paths(root) == ["flow.py", "helper.py"]
    assert paths(root, "*.sql", "/page.html") == ["flow.py", "helper.py", "page.html", "queries/a.sql"]
    assert paths(root, "queries/**", "!*.bak") == ["flow.py", "helper.py", "queries/a.sql"]


def test_an_imported_module_can_be_left_out_but_never_the_flow(root) -> None:
    """Whoever says so knows."""
    assert paths(root, "!*.py") == ["flow.py"]


@needs_git
def test_what_git_ignores_is_left_out(root) -> None:
    """Data and builds lie beside the code; a path in full, and an import, are stronger than .gitignore."""
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    write(root, **{".gitignore": "*.csv\nhelper.py\n", "a.csv": "1", "b.csv": "2", "d/c.txt": "3"})
    assert paths(root, "**", "!.*") == ["d/c.txt", "flow.py", "helper.py", "pyproject.toml"]
    assert "b.csv" in paths(root, "b.csv")
    assert "a.csv" not in paths(root, "b.csv")


def test_without_git_environments_caches_stores_and_hidden_folders_are_left_out(root) -> None:
    """`**` must not pack a virtual environment."""
    write(
        root,
        **{
            "env/pyvenv.cfg": "",
            "env/lib/x.txt": "",
            "store/flowstone.json": "",
            "store/chunks/x": "",
            ".hidden/x.txt": "",
            "__pycache__/x.pyc": "",
            "d/x.txt": "",
        },
    )
    assert paths(root, "**") == ["d/x.txt", "flow.py", "helper.py", "pyproject.toml"]


def test_a_git_that_does_not_answer_is_told(root, caplog) -> None:
    """Then .gitignore does not count, which somebody should know."""
    (root / ".git").write_text("gitdir: /nowhere\n")
    write(root, **{"a.txt": ""})
    assert "a.txt" in paths(root, "*.txt")
    assert "none counts as ignored" in caplog.text


@pytest.mark.parametrize(
    "name", [".env", ".env.local", "server.pem", "id_rsa", "credentials.json", ".netrc", "a.KEY"]
)
def test_what_looks_like_a_secret_is_refused_by_name(root, name) -> None:
    """A store is read by more people than a laptop; the message says both ways out."""
    write(root, **{f"deploy/{name}": "hunter2"})
    with pytest.raises(RefusedCodeError, match="looks like a secret") as caught:
        paths(root, "deploy/**")
    assert f"deploy/{name} looks like a secret" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert paths(root, "deploy/**", f"!deploy/{name}") == ["flow.py", "helper.py"]
    assert f"deploy/{name}" in paths(root, "deploy/**", f"/deploy/{name}")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_modules_and_public_keys_are_no_secrets() -> None:
    """`credentials.py` reads credentials; it does not hold them."""
    names = ("credentials.py", "id_rsa.pub", "secrets.py", ".env.example", "key.txt", "environment.yml")
    assert not any(map(looks_secret, names))


def test_a_large_file_is_refused_by_name(root) -> None:
    """Nobody means to store a data set with each change of the code."""
    with (root / "weights.bin").open("wb") as file:
        file.truncate(LARGEST_FILE_BYTES + 1)
    with pytest.raises(RefusedCodeError, match=r"weights\.bin is large \(10\.0 MiB\)"):
        paths(root, "*.bin")
    assert "weights.bin" in paths(root, "weights.bin")


def test_two_checkouts_have_one_key(root, tmp_path) -> None:
    """Whoever owns the files, whenever they were written, in whatever order: equal code is one package."""
    write(root, **{"run.sh": "echo\n"})
    (root / "run.sh").chmod(0o755)
    other = tmp_path / "elsewhere" / "clone"
    for path in ("run.sh", "pyproject.toml", "helper.py", "flow.py"):
        (other / path).parent.mkdir(parents=True, exist_ok=True)
        (other / path).write_bytes((root / path).read_bytes())
        os.utime(other / path, (1, 1))
        (other / path).chmod(0o777 if path == "run.sh" else 0o640)
        if os.geteuid() == 0:
            os.chown(other / path, 12345, 12345)
    assert key(other, "*.sh") == key(root, "*.sh")
    (other / "run.sh").chmod(0o644)
    assert key(other, "*.sh") != key(root, "*.sh")
    (other / "run.sh").chmod(0o755)
    (other / "helper.py").write_text("X = 2\n")
    assert key(other, "*.sh") != key(root, "*.sh")


def test_a_sibling_package_comes_along(root, tmp_path, monkeypatch) -> None:
    """An editable installation puts its `src` on the path; a step that imports it must find it elsewhere too."""
    library = tmp_path / "library" / "src"
    write(library, **{"lib/__init__.py": "from lib import inner\n", "lib/inner.py": "", "lib/unused.py": ""})
    write(root, **{"flow.py": "def step():\n    import lib, json\n"})
    write(library, **{"json.py": "1 / 0\n"})  # the standard library's comes first
    monkeypatch.syspath_prepend(str(library))
    found = code_files(root / "flow.py", root, {})
    assert list(found.files) == ["_outside/lib/__init__.py", "_outside/lib/inner.py", "flow.py"]
    assert found.import_folders == ("_outside",)


def test_a_sibling_that_a_hook_finds_comes_along(root, tmp_path, monkeypatch) -> None:
    """As setuptools installs packages in development."""
    write(tmp_path / "library", **{"hooked/__init__.py": "import hooked.part\n", "hooked/part.py": ""})
    write(root, **{"flow.py": "import hooked\n"})
    source = (
        "import importlib.util\n"
        "class Finder:\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        f"        file = {str(tmp_path / 'library' / 'hooked' / '__init__.py')!r}\n"
        "        return importlib.util.spec_from_file_location(name, file) if name == 'hooked' else None\n"
    )
    namespace = {"__name__": "__editable___hooked_1_0_finder"}
    exec(source, namespace)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, namespace["Finder"]])
    assert paths(root) == ["_outside/hooked/__init__.py", "_outside/hooked/part.py", "flow.py"]


def test_folders_that_modules_are_imported_from_are_known(root, monkeypatch) -> None:
    """So that the code can be run elsewhere."""
    write(root, **{"flow.py": "import pkg\n", "src/pkg/__init__.py": "", "unused/x.py": ""})
    monkeypatch.syspath_prepend(str(root / "src"))
    monkeypatch.syspath_prepend(str(root / "unused"))
    assert code_files(root / "flow.py", root, {}).import_folders == ("src",)
