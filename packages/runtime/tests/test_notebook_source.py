"""Which statements of a notebook a flow needs."""

import pytest

from flowstone_runtime.errors import UsageError
from flowstone_runtime.programs.notebook_source import flow_source


def test_what_the_flow_needs_is_taken_along_and_nothing_else() -> None:
    """From any cell, in the order of need; the last of what was run again counts."""
    cells = [
        "import math, os\nprint('slow')",
        "def helper(n):\n    return math.sqrt(n) + LIMIT",
        "LIMIT = 1",
        "raise SystemExit('never taken along')",
        "class Flow:\n    top = LIMIT\n    def go(self):\n        return helper(3)",
        "LIMIT = 2\nLIMIT += 1\nunused = helper(0)",
    ]
    source = flow_source("Flow", cells)
    assert "never taken" not in source
    assert "unused" not in source
    assert "slow" not in source
    found: dict = {}
    exec(source, found)
    assert (found["Flow"].top, found["Flow"]().go()) == (3, 3**0.5 + 3)


def test_decorators_and_alternatives_are_kept() -> None:
    """A decorator in front of the class, an import that may fail."""
    cells = [
        "try:\n    import fast_json as json\nexcept ImportError:\n    import json",
        "def mark(cls):\n    cls.marked = json.dumps(1)\n    return cls",
        "@mark\nclass Flow:\n    pass",
    ]
    found: dict = {}
    exec(flow_source("Flow", cells), found)
    assert found["Flow"].marked == "1"


def test_a_flow_that_no_cell_defines_is_refused() -> None:
    """It may be imported; then there is a file to run."""
    with pytest.raises(UsageError, match="no cell of the notebook defines the flow Flow"):
        flow_source("Flow", ["x = 1"])
