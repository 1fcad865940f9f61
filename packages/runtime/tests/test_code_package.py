import sys
import types
from pathlib import Path

import pytest

from flowstone_datastore import Datastore, MemoryStorage
from flowstone_runtime.code.package import snapshot_code
from flowstone_runtime.code.places import is_first_party


@pytest.fixture
def project(tmp_path):
    """A project folder; write files into it, then ask what is stored."""
    return Project(tmp_path / "project")


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.storage = MemoryStorage()
        self.datastore = Datastore.at(self.storage, create=True)

    def write(self, **sources: str) -> None:
        """`a__b=...` is the file `a/b.py`, `a____init__=...` is `a/__init__.py`."""
        for name, source in sources.items():
            parts = name.removesuffix("____init__").split("__")
            if name.endswith("____init__"):
                parts.append("__init__")
            self.write_file(f"{'/'.join(parts)}.py", source)

    def write_file(self, path: str, source: str = "") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
        return file

    def snapshot(self, flow="flow.py", loaded=()):
        modules = {name: _module(name, file) for name, file in dict(loaded).items()}
        return snapshot_code(self.datastore, self.root / flow, self.root, modules)

    def files(self, flow="flow.py", loaded=()) -> set[str]:
        return set(self.snapshot(flow, loaded).files)


def _module(name, file):
    module = types.ModuleType(name)
    module.__file__ = None if file is None else str(file)
    return module


def test_a_flow_on_its_own_is_its_file(project) -> None:
    """Neighbours that nobody imports stay at home."""
    project.write(flow="import os, json\n", unrelated="1 / 0\n")
    code = project.snapshot()
    assert code.flow_file == "flow.py"
    assert set(code.files) == {"flow.py"}
    chunk = code.files["flow.py"]
    assert bytes(project.datastore.chunks.get(chunk.address)) == b"import os, json\n"


def test_imports_are_followed_wherever_they_stand(project) -> None:
    """In functions, in `if`s, in what is imported itself; names that are not there are no error."""
    project.write(
        flow="def f():\n    import helper\n\ntry:\n    import fast\nexcept ImportError:\n    from slow import *\n",
        helper="import deeper.still\n",
        slow="",
        deeper__still="if False:\n    import third as t, fourth\n",
        third="import flow\n",
        fourth="",
    )
    assert project.files() == {"flow.py", "helper.py", "slow.py", "deeper/still.py", "third.py", "fourth.py"}


def test_packages_bring_what_importing_them_runs(project) -> None:
    """Every `__init__` on the way, and no more."""
    project.write(
        flow="import one.two.module\nfrom other import name, submodule\n",
        one____init__="",
        one__two____init__="from one import brought\n",
        one__two__module="",
        one__two__not_asked_for="",
        one__brought="",
        other____init__="name = 1\n",
        other__submodule="",
    )
    project_files = {
        "flow.py",
        "one/__init__.py",
        "one/two/__init__.py",
        "one/two/module.py",
        "one/brought.py",
        "other/__init__.py",
        "other/submodule.py",
    }
    assert project.files() == project_files


def test_relative_imports_are_meant_from_where_they_stand(project) -> None:
    """One dot, two dots, with and without a module; nothing of the same name elsewhere."""
    project.write(
        flow="from pkg.sub import module\n",
        pkg____init__="",
        pkg__near="",
        pkg__sub____init__="",
        pkg__sub__module="def f():\n from . import sibling\n from .other import x\n from ..near import y\n",
        pkg__sub__sibling="",
        pkg__sub__other="from .. import far\n",
        pkg__far="",
        near="a stranger of the same name",
        sibling="another",
    )
    assert project.files() == {
        "flow.py", "pkg/__init__.py", "pkg/near.py", "pkg/far.py", "pkg/sub/__init__.py", "pkg/sub/module.py",
        "pkg/sub/sibling.py", "pkg/sub/other.py",
    }  # fmt: skip


def test_a_flow_that_is_part_of_a_package_brings_its_relatives(project) -> None:
    """As `python -m pkg.flow` finds them."""
    project.write(
        pkg____init__="",
        pkg__flow="def f():\n    from . import helper\n    from .deep.down import x\n",
        pkg__helper="",
        pkg__deep____init__="",
        pkg__deep__down="",
    )
    assert project.files("pkg/flow.py") == {
        "pkg/__init__.py", "pkg/flow.py", "pkg/helper.py", "pkg/deep/__init__.py", "pkg/deep/down.py",
    }  # fmt: skip


def test_a_relative_import_beyond_everything_is_no_error(project) -> None:
    """It will fail when it runs, and say so better."""
    project.write(flow=f"from {'.' * 80}x import y\n")
    assert project.files() == {"flow.py"}


def test_folders_without_init_are_packages_too(project) -> None:
    """Namespace packages, absolute and relative."""
    project.write(
        flow="import space.inner.module\nfrom space import flat\nfrom space.inner import another\n",
        space__inner__module="from . import near\nfrom ..flat2 import x\n",
        space__inner__another="",
        space__inner__near="",
        space__flat="",
        space__flat2="",
    )
    assert project.files() == {
        "flow.py", "space/inner/module.py", "space/inner/another.py", "space/inner/near.py", "space/flat.py",
        "space/flat2.py",
    }  # fmt: skip


def test_a_src_layout_is_found_through_the_path(project, monkeypatch) -> None:
    """An editable install puts the project's `src` on `sys.path`."""
    project.write(
        flows__flow="import mypackage.model\n",
        src__mypackage____init__="",
        src__mypackage__model="import mypackage.y\n",
        src__mypackage__y="",
    )
    monkeypatch.syspath_prepend(str(project.root / "src"))
    assert project.files("flows/flow.py") == {
        "flows/flow.py",
        "src/mypackage/__init__.py",
        "src/mypackage/model.py",
        "src/mypackage/y.py",
    }


def test_what_is_installed_is_no_code_of_the_run(project, monkeypatch) -> None:
    """A virtual environment in the project, running or not, is somebody else's code."""
    project.write(flow="import library, in_other_environment, hidden, mine\n", mine="")
    installed = project.write_file("venv/lib/python3.11/site-packages/library.py")
    debian = project.write_file("usr/lib/python3/dist-packages/in_debian.py")
    environment = project.write_file("environment/in_other_environment.py")
    hidden = project.write_file(".cache/hidden.py")
    for file in (installed, debian, environment, hidden):
        monkeypatch.syspath_prepend(str(file.parent))
    monkeypatch.setattr(sys, "prefix", str(project.root / "environment"))
    loaded = {file.stem: file for file in (installed, debian, environment, hidden)}
    assert project.files(loaded=loaded) == {"flow.py", "mine.py"}


def test_a_python_that_lies_in_the_project_is_no_code_of_the_run(project, monkeypatch) -> None:
    """With the home folder as the project, pyenv's standard library lies in it."""
    project.write(flow="import mine\n", mine="")
    library = project.write_file("python3.11/lib/textwrap.py")
    monkeypatch.setattr(sys, "base_prefix", str(project.root / "python3.11"))
    assert project.files(loaded={"textwrap": library}) == {"flow.py", "mine.py"}


def test_a_project_that_is_its_own_virtual_environment_has_code(project, monkeypatch) -> None:
    """`python -m venv .` is a way to do it."""
    project.write(flow="import mine\n", mine="")
    monkeypatch.setattr(sys, "prefix", str(project.root))
    assert project.files() == {"flow.py", "mine.py"}


def test_flowstone_itself_is_no_code_of_the_run(project) -> None:
    """It may lie in the project as a checkout; what is only called like it is the user's."""
    project.write(flow="import flowstone, flowstone_runtime.x, flowstone_helpers\n", flowstone_helpers="")
    ours = project.write_file("packages/runtime/src/flowstone_runtime/x.py")
    project.write_file("flowstone.py")
    assert project.files(loaded={"flowstone_runtime.x": ours}) == {"flow.py", "flowstone_helpers.py"}


def test_what_is_loaded_is_stored_though_no_import_shows_it(project, tmp_path) -> None:
    """`importlib.import_module(name)` cannot be read from the source."""
    project.write(flow="", dynamic="import deeper\n", deeper="")
    outside = tmp_path / "elsewhere.py"
    outside.write_text("")
    loaded = {
        "dynamic": project.root / "dynamic.py",
        "elsewhere": outside,
        "extension": project.write_file("extension.so"),
        "gone": project.root / "gone.py",
        "no_file": None,
    }
    assert project.files(loaded=loaded) == {"flow.py", "dynamic.py", "deeper.py"}
    beside = Path(f"{project.root}_2") / "x.py"
    beside.parent.mkdir()
    beside.write_text("")
    assert project.files(loaded={"x": beside}) == {"flow.py"}


@pytest.mark.parametrize("source", ["def f(:\n", "x = '\0'\n", "# -*- coding: nonsense -*-\n"])
def test_a_broken_module_is_stored_as_it_is(project, source) -> None:
    """Nobody may ever import it."""
    project.write(flow="def f():\n    import broken\n", broken=source)
    assert project.files() == {"flow.py", "broken.py"}


def test_a_link_is_followed_and_keeps_its_place(project, tmp_path) -> None:
    """Shared code that is linked into a project is code of its flows."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "module.py").write_text("VALUE = 1\n")
    (shared / "__init__.py").write_text("")
    project.write(flow="import linked.module, single\n")
    (project.root / "linked").symlink_to(shared)
    (project.root / "single.py").symlink_to(shared / "module.py")
    code = project.snapshot()
    assert set(code.files) == {"flow.py", "linked/__init__.py", "linked/module.py", "single.py"}
    assert code.files["single.py"] == code.files["linked/module.py"]


def test_a_project_that_is_reached_by_a_link_is_the_same_project(project, tmp_path, monkeypatch) -> None:
    """Modules remember the path that they were found by."""
    project.write(flow="", dynamic="")
    link = tmp_path / "link"
    link.symlink_to(project.root)
    monkeypatch.syspath_prepend(str(link))
    assert project.files(loaded={"dynamic": link / "dynamic.py"}) == {"flow.py", "dynamic.py"}


def test_a_flow_need_not_be_called_py(project) -> None:
    """It is the one file that is always code."""
    project.write_file("train", "import helper\n")
    project.write(helper="")
    assert project.files("train") == {"train", "helper.py"}


def test_what_has_not_changed_is_not_stored_again(project) -> None:
    """A run of unchanged code costs one record."""
    project.write(flow="import one, two\n", one="ONE = 1\n", two="TWO = 2\n")
    before = project.snapshot().files
    paths = set(project.storage._objects)
    assert project.snapshot().files == before
    assert set(project.storage._objects) == paths
    project.write(two="TWO = 22\n")
    after = project.snapshot().files
    assert {path for path in after if after[path] != before[path]} == {"two.py"}
    assert len(set(project.storage._objects) - paths) == 1


def test_first_party_is_source_in_the_project() -> None:
    """By its path alone."""
    root = Path("/project")
    assert is_first_party(Path("/project/a/b.py"), root)
    assert not is_first_party(Path("/elsewhere/b.py"), root)
    assert not is_first_party(Path("/project/a/b.so"), root)
    assert not is_first_party(Path("/project/.venv/b.py"), root)
    assert not is_first_party(Path("/project/x/site-packages/b.py"), root)
