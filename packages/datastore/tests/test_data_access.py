import threading

import pytest

from flowstone_datastore import DataAccess, InvalidRecordError, collecting_data_access, record_data_access
from flowstone_datastore.data_access import MOST_ACCESSES


def test_what_a_task_moves_is_collected():
    """In the order in which it came, from whichever thread, each thing once."""
    one, two = DataAccess("read", "s3://bucket/a", "etag", 3), DataAccess("written", "s3://bucket/b")
    with collecting_data_access() as accesses:
        record_data_access(one)
        thread = threading.Thread(target=record_data_access, args=(two,))
        thread.start()
        thread.join()
        record_data_access(one)
    assert accesses.all() == (one, two)


def test_outside_of_a_task_nothing_is_kept():
    """A notebook reads what it likes."""
    with collecting_data_access() as accesses:
        pass
    record_data_access(DataAccess("read", "s3://bucket/a"))
    assert accesses.all() == ()


def test_a_task_that_reads_a_hundred_thousand_objects_has_a_small_record():
    """What comes after the first thousand is summed up by folder."""
    with collecting_data_access() as accesses:
        for number in range(MOST_ACCESSES + 10):
            record_data_access(DataAccess("read", f"s3://bucket/folder/{number}", size=2))
        for number in range(1_000):
            record_data_access(DataAccess("read", f"s3://bucket/{number}/x", size=1))
    *first, folder = [access for access in accesses.all() if access.url.startswith("s3://bucket/folder/")]
    assert len(first) == MOST_ACCESSES
    assert folder == DataAccess("read", "s3://bucket/folder/", size=20, count=10)
    assert len(accesses.all()) <= MOST_ACCESSES + 102
    assert sum(access.count for access in accesses.all()) == MOST_ACCESSES + 1_010


@pytest.mark.parametrize(
    "raw", [None, [], {}, {"mode": "eaten", "url": "x"}, {"mode": "read"}, {"mode": "read", "url": 3}]
)
def test_what_is_no_access_is_refused(raw):
    """Whoever wrote it."""
    with pytest.raises(InvalidRecordError):
        DataAccess.from_json(raw)
