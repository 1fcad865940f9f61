import errno
import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_client import Client, InvalidTagError, Run, SystemTagError, TooManyTagsError
from flowstone_datastore import Datastore, RunStarted, RunState, StoreNotWritableError

_TAGGER = """
import sys
from flowstone_client import Client, Run
place, name = sys.argv[1:]
run = Run("Train/1", client=Client(place))
for number in range(10):
    run.add_tag(f"{name}-{number}")
    if number % 2:
        run.remove_tag(f"{name}-{number - 1}")
"""


@pytest.fixture
def run(new_run):
    written = new_run()
    written.start(tags=("old",), system_tags=("user:ann",))
    written.end()
    return written.read()


def test_tags_come_and_go(run):
    """They are how people find a run again."""
    run.add_tag("good")
    run.add_tags(["new", "good"])
    assert run.user_tags == {"old", "good", "new"}
    run.remove_tag("old")
    run.remove_tags(["new", "never there"])
    run.replace_tag("good", "better")
    run.replace_tags(["better"], ["best", "kept"])
    assert run.user_tags == {"best", "kept"}
    assert run.tags == {"best", "kept", "user:ann"}


def test_a_tag_that_is_removed_and_added_stays(run):
    """Removals come first."""
    run.replace_tags(["old"], ["old", "new"])
    assert run.user_tags == {"old", "new"}


def test_others_see_the_change(run, client):
    """The tags are the run's, not those of the object that changed them."""
    run.add_tag("good")
    assert Run("Train/1", client=client).user_tags == {"old", "good"}


def test_what_is_so_already_writes_nothing(run, store):
    """A script may tag again and again."""
    before = store.journal("Train", "1").segments()
    run.add_tag("old")
    run.remove_tag("new")
    run.add_tag("user:ann")
    assert store.journal("Train", "1").segments() == before


def test_processes_that_tag_at_once_lose_nothing(run, store: Datastore):
    """Nobody locks, nobody waits, and no change is overwritten."""
    place = store.url
    names = ["one", "two", "three"]
    taggers = [subprocess.Popen([sys.executable, "-c", _TAGGER, place, name]) for name in names]
    assert [tagger.wait() for tagger in taggers] == [0, 0, 0]
    wanted = {f"{name}-{number}" for name in names for number in range(1, 10, 2)}
    assert Run("Train/1", client=Client(store)).user_tags == wanted | {"old"}


def test_the_clock_of_the_last_who_changed_does_not_matter(new_run):
    """A run may have been started, and tagged, by machines whose clocks are ahead."""
    written = new_run(now=9_999_999_999.0)
    written.start(tags=("old",))
    run = written.read()
    run.remove_tag("old")
    assert run.user_tags == set()
    run.add_tag("old")
    assert written.read().user_tags == {"old"}


def test_tagging_a_run_that_died_does_not_bring_it_back(new_run):
    """Somebody who looks at it is no sign of its life."""
    written = new_run()
    written.start(heartbeat_seconds=1.0)
    run = written.read()
    ended = run.finished_at
    run.add_tag("broken")
    assert written.read().state is RunState.DIED
    assert written.read().finished_at == ended


@pytest.mark.parametrize(
    ("tag", "sentence"),
    [
        ("", "'' cannot be a tag: it is empty"),
        ("   ", "'   ' cannot be a tag: it is empty"),
        ("x" * 501, "cannot be a tag: it has 501 characters"),
        (3, "3 cannot be a tag: it is of type int"),
        ("a\nb", "cannot be a tag: one of its characters cannot be printed"),
        ("\ud800", "cannot be a tag: one of its characters cannot be printed"),
    ],
)
def test_what_cannot_be_a_tag_says_why(run, tag, sentence):
    """One sentence, and nothing is written."""
    with pytest.raises(InvalidTagError) as caught:
        run.add_tag(tag)
    assert str(caught.value).endswith(f"{sentence}; write 1 to 500 printable characters")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert run.user_tags == {"old"}


def test_one_text_is_not_taken_for_many_tags(run):
    """`add_tags("good")` would add g, o and d."""
    with pytest.raises(InvalidTagError, match=r"'good' cannot be a tag: several are wanted, as \[\.\.\.\];"):
        run.add_tags("good")


def test_a_tag_of_500_characters_is_fine(run):
    """The limit itself is allowed."""
    run.add_tag("x" * 500)
    assert "x" * 500 in run.user_tags


def test_a_run_has_at_most_50_tags(run):
    """Fifty are enough for people; more is data."""
    run.add_tags([f"tag {number}" for number in range(49)])
    with pytest.raises(TooManyTagsError) as caught:
        run.add_tag("one more")
    assert str(caught.value) == "Train/1 would have 51 tags, at most 50 are allowed; remove some first"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    run.replace_tag("old", "one more")
    assert len(run.user_tags) == 50


def test_system_tags_stay(run):
    """They say how the run was made, and whose it is."""
    with pytest.raises(SystemTagError) as caught:
        run.remove_tag("user:ann")
    assert str(caught.value) == (
        "'user:ann' is a system tag of Train/1 and stays; remove only tags that people gave"
    )
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_store_that_may_not_be_written_says_so(run, store: Datastore, monkeypatch):
    """Nobody is told that a tag was set when it was not."""

    opened = os.open

    def read_only(path: str, flags: int, *rest: object, **more: object) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, "Read-only file system", path)
        return opened(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(StoreNotWritableError):
        run.add_tag("good")
    assert run.user_tags == {"old"}


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcd")), max_size=12))
def test_tags_are_a_set_that_changes_in_order(tmp_path_factory, changes):
    """Whoever knows sets knows tags."""
    store = Datastore.open(tmp_path_factory.mktemp("tags") / "store", create=True)
    store.journal("Train", "1").writer("main").append(RunStarted(time=1.0, flow="Train", run_id="1"))
    run = Run("Train/1", client=Client(store))
    model: set[str] = set()
    for is_added, tag in changes:
        if is_added:
            model.add(tag)
            run.add_tag(tag)
        else:
            model.discard(tag)
            run.remove_tag(tag)
    assert Run("Train/1", client=Client(store)).user_tags == model
