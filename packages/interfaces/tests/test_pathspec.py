import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_interfaces import InvalidPathspecError, Pathspec
from flowstone_interfaces.pathspec import check_part

PARTS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.~-]{0,20}", fullmatch=True)
PATHSPECS = st.lists(PARTS, min_size=1, max_size=5).map(lambda parts: Pathspec(*parts))

HOSTILE = [
    "",
    ".",
    "..",
    ".hidden",
    "-option",
    "~home",
    "/",
    "a/b",
    "a\\b",
    "a\0b",
    "\0",
    "a b",
    "a\n",
    "\n",
    "a:b",
    "a*",
    "é",
    "٣",
    "a\u200b",
    "a\ud800",
]  # fmt: skip


@given(PATHSPECS)
def test_what_is_printed_can_be_read(pathspec):
    """People copy pathspecs from one command into the next."""
    assert Pathspec.parse(str(pathspec)) == pathspec


@given(st.text())
def test_a_text_is_read_whole_or_refused(text):
    """No text names something else than it seems to."""
    try:
        pathspec = Pathspec.parse(text)
    except InvalidPathspecError:
        return
    assert str(pathspec) == text
    assert len(pathspec.parts) == pathspec.depth == text.count("/") + 1


@given(PATHSPECS)
def test_a_pathspec_survives_the_way_between_processes(pathspec):
    """Tasks are told who they are."""
    copy = pickle.loads(pickle.dumps(pathspec))
    assert copy == pathspec
    assert hash(copy) == hash(pathspec)


@given(st.lists(PATHSPECS))
def test_pathspecs_of_any_depth_sort_by_their_parts(pathspecs):
    """Flows and their runs are listed together."""
    assert [pathspec.parts for pathspec in sorted(pathspecs)] == sorted(pathspec.parts for pathspec in pathspecs)


@given(PATHSPECS, PARTS)
def test_a_child_is_one_level_deeper(pathspec, name):
    """Whatever its parent is; an artifact has none."""
    if pathspec.artifact is not None:
        with pytest.raises(InvalidPathspecError, match="an artifact has nothing below it"):
            pathspec.child(name)
        return
    child = pathspec.child(name)
    assert child.parts == (*pathspec.parts, name)
    assert child.depth == pathspec.depth + 1


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("level", range(5))
def test_a_hostile_part_is_refused_at_every_level(part, level):
    """Parts become names of files: none may leave the store, hide, or confuse a shell."""
    parts = ["a"] * level + [part]
    with pytest.raises(InvalidPathspecError):
        Pathspec(*parts)
    with pytest.raises(InvalidPathspecError):
        check_part(part)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_child_is_one_part(name):
    """`child("a/b")` would be two levels deeper."""
    with pytest.raises(InvalidPathspecError):
        Pathspec("Train").child(name)


@pytest.mark.parametrize("text", ["..", "a/..", "../a", "a/./b", "/a", "a/", "a//b", "//", "a/b\0"])
def test_a_text_that_could_leave_the_store_is_refused_and_named(text):
    """The error shows the whole text, not only the part at fault."""
    with pytest.raises(InvalidPathspecError) as caught:
        Pathspec.parse(text)
    assert caught.value.text == text


def test_too_many_parts_are_refused():
    """There is nothing below an artifact."""
    with pytest.raises(InvalidPathspecError, match="it has 6 parts, at most 5 have a meaning"):
        Pathspec.parse("a/b/c/d/e/f")


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        (("Train", None, "fit"), "'Train//fit' is no pathspec: it has no run"),
        (("Train", "1", None, "0"), "'Train/1//0' is no pathspec: it has no step"),
        (("Train", "1", "fit", None, "model"), "'Train/1/fit//model' is no pathspec: it has no task"),
        (("Train", None, None, None, "model"), "'Train////model' is no pathspec: it has no run"),
        ((None,), "'' is no pathspec: it has no flow"),
        ((None, "1"), "'/1' is no pathspec: it has no flow"),
    ],
)
def test_no_level_may_be_missing_between_others(levels, reason):
    """A task without its run names nothing."""
    with pytest.raises(InvalidPathspecError) as caught:
        Pathspec(*levels)
    assert str(caught.value) == f"{reason}; write Flow, Flow/run, Flow/run/step, ..."


def test_a_pathspec_is_a_frozen_value():
    """It is the key of dictionaries."""
    pathspec = Pathspec("Train", "1")
    assert {pathspec: 1}[Pathspec.parse("Train/1")] == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        pathspec.run = "2"


def test_each_level_has_a_name():
    """And those that are not given are None."""
    pathspec = Pathspec.parse("Train/1/fit/0/model")
    assert attrs.asdict(pathspec) == {"flow": "Train", "run": "1", "step": "fit", "task": "0", "artifact": "model"}
    assert attrs.astuple(Pathspec("Train")) == ("Train", None, None, None, None)
