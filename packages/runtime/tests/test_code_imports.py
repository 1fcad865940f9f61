"""Imports are found in the text of a program, without parsing all of it: none may be missed."""

import ast
import random
import sysconfig
import warnings
from pathlib import Path

import pytest

from flowstone_runtime.code.imports import import_statements

STANDARD = Path(sysconfig.get_paths()["stdlib"])


def parsed(text):
    """What Python's own parser finds."""
    found = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.add((0, tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.ImportFrom):
            base = f"{node.module}." if node.module else ""
            found.add((node.level, tuple(f"{base}{alias.name}" for alias in node.names)))
    return found


@pytest.mark.parametrize(
    "text",
    [
        "import a",
        "import a.b.c as d, e",
        "from a import *",
        "from .a import b as c, d",
        "from . import a\nfrom ... import b",
        "from.a import b",
        "from a import(b)",
        "from a import (  # why (it is)\n    b,  # :-)\n    c as d,\n)\nimport e",
        "if x: import a; import b",
        "try: from a import b\nexcept ImportError: import c",
        "class A:\n\timport a\n\n\tdef f(self):\n\t\tfrom b import c",
        "import a, \\\n    b",
        "from a \\\n    import b, \\\n    c",
        "from \\\r\n  a import b\r\nimport c\r\n",
        "x = 1 ; import a # import b",
        "\fimport a",
        "import a as important, b",
        "import_b = 1\nimport b",
        "from imports import import_me",
        "match x:\n    case 1: import a",
        "# we import things (which\nimport b\n# closes here)",
        "import ünïcode.módulo",
        "lambda: 0; from a import b",
        "async def f():\n    import a",
    ],
)
def test_each_way_to_write_an_import_is_found(text):
    assert {*import_statements(text)} == parsed(text)


@pytest.mark.parametrize(
    "text",
    ["", "x = 'import a'", "important = 1", "x.import_module('a')", "import", "from a import", "import a b"],
)
def test_what_is_no_import_is_not(text):
    assert not [*import_statements(text)]


def test_an_import_in_a_text_does_no_harm():
    """If there is such a module, it is stored for nothing."""
    assert [*import_statements('"""\nimport a\n"""\nimport b')] == [(0, ("a",)), (0, ("b",))]


def test_no_import_of_the_standard_library_is_missed():
    """Three hundred real programs, other ones for each version of Python."""
    files = sorted(STANDARD.rglob("*.py"))
    count = 0
    for file in random.Random(4711).sample(files, 300):
        text = file.read_bytes().decode("utf-8", "replace")
        try:
            exact = parsed(text)
        except (SyntaxError, ValueError):  # tests of the parser
            continue
        assert exact <= {*import_statements(text)}, file
        count += len(exact)
    assert count > 1000
