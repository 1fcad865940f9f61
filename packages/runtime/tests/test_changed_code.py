"""What has changed since an older run."""

import pytest

from flowstone_datastore import Code, Datastore, MemoryStorage
from flowstone_runtime.code.changes import CodeChanges, code_changes

FLOW = """
class Flow(FlowSpec):
    @step
    def start(self):
        self.x = helper(1)
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.fixture
def store() -> Datastore:
    return Datastore.at(MemoryStorage(), create=True)


def changes(store: Datastore, before: dict[str, str], after: dict[str, str]) -> CodeChanges:
    old, new = (
        Code("flow.py", {path: store.chunks.put((text.encode(),)) for path, text in files.items()})
        for files in (before, after)
    )
    return code_changes(old, new, ("start", "end"), lambda ref: bytes(store.chunks.get(ref.address)))


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        ("helper(1)", "helper(2)", {"start"}),
        ("pass", "print(self.x)", {"end"}),
        ("helper(1)", "helper(1)  # one", set()),
        ("    @step\n    def end", "\n    @retry\n    @step\n    def end", set()),
        ("class Flow", "LIMIT = 3\n\n\nclass Flow", set()),
    ],
)
def test_a_step_has_changed_if_it_does_something_else(store, old, new, steps) -> None:
    """A comment or a decorator is no reason to doubt a result."""
    assert changes(store, {"flow.py": FLOW}, {"flow.py": FLOW.replace(old, new)}).steps == steps


def test_other_files_that_changed_came_or_went_are_named(store) -> None:
    """What a step calls in them cannot be told; a person can."""
    before = {"flow.py": FLOW, "lib/a.py": "A = 1\n", "lib/b.py": "B = 1\n", "same.py": "\n"}
    after = {"flow.py": FLOW, "lib/a.py": "A = 2\n", "lib/c.py": "C = 1\n", "same.py": "\n"}
    assert changes(store, before, after) == CodeChanges(modules=("lib/a.py", "lib/b.py", "lib/c.py"))


def test_code_that_cannot_be_read_is_no_error(store) -> None:
    """It was a valid flow once; a run must not fail for a remark on it."""
    assert changes(store, {"flow.py": "def broken(:"}, {"flow.py": FLOW}).steps == frozenset()
    assert code_changes(None, None, (), lambda ref: b"") == CodeChanges()
