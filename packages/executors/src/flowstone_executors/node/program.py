"""A program as the words of a command: the source of some modules, small enough to travel in it."""

import ast
import base64
import json
import zlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

_START = (
    "import base64,json,sys,types,zlib\n"
    "for n,s in json.loads(zlib.decompress(base64.b85decode({packed!r}))):\n"
    " m=sys.modules[n]=types.ModuleType(n);exec(compile(s,n,'exec'),m.__dict__)\n"
    "sys.exit(m.main())"
)


@lru_cache
def program_argv(*modules: str, python: str = "python3") -> tuple[str, ...]:
    """The command that calls `main()` of the last module, after the others, which it may import, were loaded.

    The modules import the standard library and those that come before them. Comments and docstrings stay here.
    Equal sources give equal commands.

    Raises:
        ModuleNotFoundError: there is no such module here.
    """
    return (python, "-c", _START.format(packed=_packed(modules)))


def _packed(modules: Sequence[str]) -> str:
    sources = [[name, _bare(_source(name))] for name in modules]
    packed = zlib.compress(json.dumps(sources, separators=(",", ":")).encode(), 9)
    return base64.b85encode(packed).decode("ascii")


def _source(module: str) -> str:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    return Path(spec.origin).read_text(encoding="utf-8")


def _bare(source: str) -> str:
    """The source without what only people read."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not _is_text(each)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
