"""The rooms of the house plan: who may import whom, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from flowstone_interfaces import toml

ROOT = Path(__file__).parents[2]

MAY_IMPORT = {
    "interfaces": set(),
    "graph": {"interfaces"},
    "datastore": {"interfaces"},
    "executors": {"interfaces"},
    "client": {"interfaces", "datastore"},
    "runtime": {"interfaces", "graph", "datastore", "executors", "client"},
    "deployer": {"interfaces", "graph", "datastore", "client"},
    "sandbox": {"interfaces"},
    "flowstone": {"interfaces", "graph", "datastore", "executors", "client", "runtime", "deployer"},
}

HEAVY = {"pandas", "pyarrow", "numpy", "boto3", "networkx", "rich", "hypothesis", "pytest", "asyncio", "moto"}


def module_of(room: str) -> str:
    return "flowstone" if room == "flowstone" else f"flowstone_{room}"


def sources(room: str) -> list[Path]:
    return sorted((ROOT / "packages" / room / "src").rglob("*.py"))


def imported_rooms(file: Path) -> set[str]:
    """Counting imports inside functions and those for types only."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute here"
            names.add(node.module or "")
    tops = {name.partition(".")[0] for name in names}
    return {room for room in MAY_IMPORT if module_of(room) in tops}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_arrows_point_up_the_table(room: str) -> None:
    """A forbidden import passes every test in a shared environment, and fails at whoever installs one room."""
    for file in sources(room):
        forbidden = imported_rooms(file) - MAY_IMPORT[room] - {room}
        assert not forbidden, f"{file} imports {forbidden}"


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_metadata_names_what_is_imported(room: str) -> None:
    """What a package imports of its siblings it requires, by range."""
    project = toml.loads((ROOT / "packages" / room / "pyproject.toml").read_text())["project"]
    required = {name.partition(">")[0] for name in project["dependencies"]}
    imported = set().union(*(imported_rooms(file) for file in sources(room))) - {room}
    assert {f"flowstone-{sibling}" for sibling in imported} <= required
    for dependency in project["dependencies"]:
        if dependency.startswith("flowstone-"):
            assert ">=" in dependency, f"{room} requires {dependency} without a range"
            assert "<" in dependency, f"{room} requires {dependency} without a range"


def import_graph() -> dict[str, set[str]]:
    """Module -> modules of ours that it imports when it runs, inside functions too."""
    files = {}
    for room in MAY_IMPORT:
        root = ROOT / "packages" / room / "src"
        for file in sources(room):
            parts = file.relative_to(root).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    graph: dict[str, set[str]] = {}
    for name, file in files.items():
        found: set[str] = set()
        for node in ast.walk(_without_type_checking(ast.parse(file.read_bytes()))):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                # `from package import module` asks for the module, not for what the package re-exports.
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= inner & files.keys() or {node.module}
        graph[name] = (found & files.keys()) - {name}
    return graph


def _without_type_checking(tree: ast.Module) -> ast.Module:
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]
    return tree


def test_no_module_imports_itself_by_a_detour() -> None:
    """A cycle cannot be taken apart, moved or understood piece by piece."""
    graph = import_graph()
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            raise AssertionError(" -> ".join([*path[path.index(module) :], module]))
        if module in done:
            return
        for following in sorted(graph[module]):
            visit(following, (*path, module))
        done.add(module)

    for module in sorted(graph):
        visit(module, ())


def printed_by(code: str) -> set[str]:
    """The words that a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_importing_a_room_loads_nothing_heavy(room: str) -> None:
    """Start-up time is a feature."""
    code = f"import sys, {module_of(room)}; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not HEAVY & set(loaded)


def test_the_names_of_the_front_door_load_nothing_heavy() -> None:
    """A flow file's first line."""
    code = "import sys; from flowstone import *; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not HEAVY & set(loaded)


def test_running_a_flow_loads_no_networkx(tmp_path: Path) -> None:
    """Its import costs more than a whole small run."""
    example = (ROOT / "examples" / "hello" / "hello.py").read_text()
    flow = tmp_path / "hello.py"
    flow.write_text(example + "\n", encoding="utf-8")
    code = (
        "import runpy, sys\n"
        f"sys.argv = [{str(flow)!r}, 'run', '--isolation', 'none']\n"
        "try:\n"
        f"    runpy.run_path({str(flow)!r}, run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert not end.code\n"
        "print(*sorted(sys.modules))\n"
    )
    assert not HEAVY & printed_by(code)


def test_every_package_has_what_a_package_needs() -> None:
    """Each is published on its own."""
    for room in MAY_IMPORT:
        folder = ROOT / "packages" / room
        for name in ("pyproject.toml", "README.md", "CHANGELOG.md", f"src/{module_of(room)}/py.typed"):
            assert (folder / name).is_file(), f"{room} has no {name}"
