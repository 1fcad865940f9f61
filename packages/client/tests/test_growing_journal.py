from hypothesis import given
from hypothesis import strategies as st

from flowstone_client.growing_journal import GrowingJournal
from flowstone_datastore import Datastore, MemoryStorage, TagsChanged

APPENDS = st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 5), st.booleans())


@given(st.lists(APPENDS))
def test_reading_on_gives_what_reading_at_once_gives(appends):
    """Whoever watches a run sees the same as who looks at it afterwards, at every moment."""
    journal = Datastore.at(MemoryStorage(), create=True).journal("Train", "1")
    watched = GrowingJournal(journal)
    assert not watched.has_segments()
    for number, (segment, time, is_looked_at) in enumerate(appends):
        journal.writer(segment).append(TagsChanged(time=time, added=(str(number),)))
        assert watched.has_segments()
        if is_looked_at:
            assert watched.records() == [record for _, record in journal.records()]
    assert watched.records() == [record for _, record in journal.records()]
