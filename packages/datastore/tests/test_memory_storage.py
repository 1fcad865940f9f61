import pytest

from flowstone_datastore import MemoryStorage
from flowstone_datastore.testing import StorageContract


class TestMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self):
        return MemoryStorage()


def test_each_memory_is_its_own():
    """Nothing is shared by name: no state hides in the module."""
    one = MemoryStorage.from_url("memory://name")
    one.write("a", b"1")
    assert [*MemoryStorage.from_url("memory://name").list()] == []
