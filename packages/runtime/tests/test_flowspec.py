import pickle
import sys
from functools import cached_property

import pytest

from flowstone_runtime import FlowSpec, step
from flowstone_runtime.errors import ReadOnlyAttributeError, UsageError
from flowstone_runtime.flowspec import constants_of


class Base(FlowSpec):
    inherited = (1, 2)
    overridden = "base"
    removed = 1


class Everything(Base):
    """Every kind of class attribute."""

    constant = {"k": [1, 2]}
    nothing = None
    overridden = "child"
    _private = "no constant"
    kind = int

    def removed(self):
        """A method takes the constant's place."""

    @staticmethod
    def static():
        return 1

    @classmethod
    def of_class(cls):
        return cls

    @property
    def doubled(self):
        return 2 * self.number

    @property
    def settable(self):
        return self._settable

    @settable.setter
    def settable(self, value):
        self._settable = value

    @property
    def faulty(self):
        return self.number.no_such_thing

    @cached_property
    def expensive(self):
        return object()  # could not be compared after a pickle

    def helper(self):
        return self.number + 1

    @step
    def start(self):
        self.number = 4
        self._hidden = "private to people, not to flows"
        self.settable = "through the setter"
        self.from_members = (self.doubled, self.helper(), self.static(), self.of_class() is type(self))
        assert self.expensive is self.expensive
        self.next(self.end)

    @step
    def end(self):
        self.seen = (self._hidden, self.settable, self.doubled, self.constant, self.inherited)


def test_constants_are_the_public_class_attributes_that_are_no_code() -> None:
    """Inherited ones too; they are stored once for each run."""
    assert constants_of(Everything) == {
        "constant": {"k": [1, 2]},
        "inherited": (1, 2),
        "nothing": None,
        "overridden": "child",
    }


def test_artifacts_are_what_steps_set_and_nothing_else(bench) -> None:
    """Private names are stored; properties, cached or not, methods and constants are not."""
    run = bench(Everything).run()
    assert set(run.artifacts("end/0")) == {"number", "_hidden", "_settable", "from_members", "seen"}
    assert run.value("end/0", "from_members") == (8, 5, 1, True)
    assert run.value("end/0", "seen") == (
        "private to people, not to flows", "through the setter", 8, {"k": [1, 2]}, (1, 2),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("constant", "constant"),
        ("inherited", "constant"),
        ("nothing", "constant"),
        ("_private", "class attribute"),
        ("start", "step"),
        ("helper", "method"),
        ("static", "method"),
        ("kind", "method"),
        ("doubled", "property"),
        ("expensive", "property"),
        ("input", "property"),
        ("index", "property"),
        ("name", "property"),
        ("next", "method"),
    ],
)
def test_what_the_class_defines_cannot_be_set(name, kind) -> None:
    """It would hide the value in the next step: a loss that nobody sees."""
    flow = Everything(use_cli=False)
    with pytest.raises(ReadOnlyAttributeError) as refused:
        setattr(flow, name, 1)
    assert str(refused.value) == (
        f"self.{name} is a {kind} of Everything and cannot be set by a step; store the value under another name"
    )
    assert isinstance(refused.value, AttributeError)


def test_a_property_that_fails_says_why(bench) -> None:
    """Python would ask for an artifact of its name, and hide what went wrong."""
    flow = Everything(use_cli=False)
    flow.number = 4
    with pytest.raises(AttributeError, match="'int' object has no attribute 'no_such_thing'"):
        _ = flow.faulty


class Deletes(FlowSpec):
    @step
    def start(self):
        self.kept = 1
        self.gone = 2
        self.read_then_gone = 3
        self.never = 4
        del self.never
        self.next(self.middle)

    @step
    def middle(self):
        del self.gone
        assert self.read_then_gone == 3
        del self.read_then_gone
        assert not hasattr(self, "gone")
        assert not hasattr(self, "read_then_gone")
        try:
            del self.nonsense
        except AttributeError:
            self.refused = True
        self.next(self.end)

    @step
    def end(self):
        self.again = [name for name in ("kept", "gone", "read_then_gone", "never") if hasattr(self, name)]
        self.gone = "set anew"


def test_a_deleted_attribute_is_gone_for_all_that_follow(bench) -> None:
    """Whether it was read before or not; what was never there cannot be deleted."""
    run = bench(Deletes).run()
    assert set(run.artifacts("start/0")) == {"kept", "gone", "read_then_gone"}
    assert set(run.artifacts("middle/0")) == {"kept", "refused"}
    assert run.values("end/0") == {"kept": 1, "refused": True, "again": ["kept"], "gone": "set anew"}


class Missing(FlowSpec):
    @step
    def start(self):
        self.here = 1
        self.next(self.end)

    @step
    def end(self):
        _ = self.nowhere


def test_reading_what_nobody_set_names_what_there_is(bench) -> None:
    """A typing error is seen at once."""
    error = bench(Missing).run().failure.error
    assert error.type == "MissingArtifactError"
    assert "'end' has no artifact 'nowhere'" in error.message
    assert "known here: here" in error.message
    assert error.file == __file__


class StoresItself(FlowSpec):
    @step
    def start(self):
        self.fine = 1
        self.me = self
        self.next(self.end)

    @step
    def end(self):
        pass


class StoresItsMethod(StoresItself):
    @step
    def start(self):
        self.fine = 1
        self.me = [self.end]
        self.next(self.end)


@pytest.mark.parametrize(
    ("flow", "words"), [(StoresItself, "is a flow"), (StoresItsMethod, "itself cannot be stored")]
)
def test_a_flow_cannot_be_an_artifact_of_itself(bench, flow, words) -> None:
    """It would drag all artifacts into one."""
    run = bench(flow).run()
    assert run.failure.error.type == "UnstorableArtifactError"
    assert "self.me" in run.failure.error.message
    assert words in run.failure.error.message
    assert run.values("start/0") == {"fine": 1}


@pytest.mark.parametrize(
    "use",
    [
        lambda flow: flow.next(flow.end),
        lambda flow: flow.input,
        lambda flow: flow.index,
        lambda flow: flow.foreach_stack(),
        lambda flow: flow.merge_artifacts(None),
    ],
)
def test_outside_of_a_run_a_flow_says_that_it_is(use) -> None:
    """In a notebook, or in a test of one's own."""
    with pytest.raises(UsageError, match="inside a running step only"):
        use(Everything(use_cli=False))


def test_outside_of_a_run_a_flow_is_an_ordinary_object() -> None:
    """Its helpers can be tested."""
    flow = Everything(use_cli=False)
    flow.number = 1
    assert (flow.helper(), flow.doubled, flow.name, flow.script_name) == (2, 2, "Everything", "test_flowspec.py")
    assert not hasattr(flow, "nothing_of_this_name")
    with pytest.raises(UsageError, match="cannot be stored"):
        pickle.dumps(flow)


def test_marks_of_steps_are_for_the_graph() -> None:
    """Steps of other names may begin and end a flow."""

    class Named(FlowSpec):
        @step(start=True)
        def first(self):
            self.next(self.last)

        @step(end=True)
        def last(self):
            pass

    assert (Named.first.is_step, Named.first.is_start, Named.first.is_end) == (True, True, False)
    assert (Named.last.is_step, Named.last.is_start, Named.last.is_end) == (True, False, True)


def test_a_flow_starts_the_command_line_with_its_class(monkeypatch) -> None:
    """`Train()` at the end of a file is all there is to write."""
    started = []
    monkeypatch.setattr(FlowSpec, "_flowstone_command_line", staticmethod(started.append))
    Everything()
    assert started == [Everything]
    Everything(use_cli=False)
    assert len(started) == 1


def test_without_a_command_line_a_flow_says_so(tmp_path) -> None:
    """Whoever imports one module of the package must not wait for something to happen."""
    import subprocess

    code = "from flowstone_runtime.flowspec import _no_command_line, FlowSpec\n_no_command_line(FlowSpec)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "starts a command line, and none is loaded" in done.stderr
