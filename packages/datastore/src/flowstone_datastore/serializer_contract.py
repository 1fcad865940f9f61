"""What every serializer must do, as tests. Needs pytest: the extra `testing`."""

from collections.abc import Sequence
from pathlib import Path
from pickle import PickleBuffer
from typing import Any

import pytest

from flowstone_datastore.artifact import Artifact, is_encoding
from flowstone_datastore.artifact_store import ArtifactStore
from flowstone_datastore.chunk_store import ChunkStore
from flowstone_datastore.export import export_value
from flowstone_datastore.memory_storage import MemoryStorage
from flowstone_datastore.pickling import type_name
from flowstone_datastore.serializer import Exporter, Serializer
from flowstone_datastore.serializers import Serializers


class SerializerContract:
    """What every serializer must do, as tests: subclass it, and give the fixtures `plugin` and `examples`.

    ```python
    class TestMySerializer(SerializerContract):
        encoding = "my-arrays"

        @pytest.fixture
        def plugin(self) -> MySerializer:
            return MySerializer()

        @pytest.fixture
        def examples(self) -> list[MyArray]:
            return [MyArray([]), MyArray([1.0, 2.0])]

        def is_same(self, one: MyArray, other: MyArray) -> bool:
            return one.equals(other)
    ```

    It is for a plugin that only exports, too.
    """

    encoding: str
    """The name of the plugin's entry point."""

    @pytest.fixture
    def plugin(self) -> Any:
        """The object that the entry point names."""
        raise NotImplementedError

    @pytest.fixture
    def examples(self) -> Sequence[Any]:
        """Values that it claims, all different: empty ones, large ones, whatever is special."""
        raise NotImplementedError

    def is_same(self, one: Any, other: Any) -> bool:
        """Whether two values are the same, in all that their users see."""
        return (type(one), one) == (type(other), other)

    def test_it_is_one(self, plugin: Any) -> None:
        """A store ignores anything else, with a warning."""
        assert is_encoding(self.encoding)
        assert isinstance(plugin, Serializer | Exporter)
        assert all("." in kind for kind in plugin.types)

    def test_it_claims_its_examples(self, plugin: Any, examples: Sequence[Any]) -> None:
        """By the name of a type that they have or are derived from; the standard library's types are pickled."""
        for value in examples:
            names = {f"{base.__module__}.{base.__qualname__}" for base in type(value).__mro__}
            assert names & {*plugin.types}, f"it does not claim {type_name(value)}"
            if isinstance(plugin, Serializer):
                assert Serializers({self.encoding: plugin}).of(value) == (self.encoding, plugin)

    def test_load_of_dump_is_the_value(self, plugin: Any, examples: Sequence[Any]) -> None:
        """Through a store, from the record that it makes."""
        store = self._store(plugin)
        for value in examples:
            artifact = Artifact.from_json(store.save(value).to_json())
            assert self.is_same(store.load(artifact), value)
            assert store.address(value) == artifact.address

    def test_memory_may_be_read_only_or_not(self, plugin: Any, examples: Sequence[Any]) -> None:
        """A store gives memory that may be changed; what reads a file may not."""
        self._store(plugin)
        for value in examples:
            dumped = plugin.dump(value)
            if dumped is not None:
                stream, buffers = dumped
                parts = [bytes(PickleBuffer(buffer).raw()) for buffer in buffers]
                assert self.is_same(plugin.load(stream, parts), value)
                assert self.is_same(plugin.load(bytearray(stream), [*map(bytearray, parts)]), value)

    def test_one_value_has_one_encoding(self, plugin: Any, examples: Sequence[Any]) -> None:
        """Else equal values would be stored twice, and what a step only read would count as changed."""
        store = self._store(plugin)
        addresses = [store.address(value) for value in examples]
        assert [store.address(value) for value in examples] == addresses, "dump changed the value, or is random"
        assert [store.address(store.load(store.save(value))) for value in examples] == addresses
        assert len({*addresses}) == len(addresses), "different examples have one encoding"

    def test_an_export_is_one_file(self, plugin: Any, examples: Sequence[Any], tmp_path: Path) -> None:
        """Under the name that it was given, whatever that ends in, in place of what was there."""
        if not isinstance(plugin, Exporter):
            pytest.skip("it does not export")
        for number, value in enumerate(examples):
            for name in (f"{number}", f"{number}.data"):
                for _ in range(2):
                    assert export_value(value, type_name(value), plugin, tmp_path / name).is_file()
        assert len([*tmp_path.iterdir()]) == 2 * len(examples)

    def _store(self, plugin: Any) -> ArtifactStore:
        if not isinstance(plugin, Serializer):
            pytest.skip("it only exports")
        return ArtifactStore(ChunkStore(MemoryStorage()), serializers=Serializers({self.encoding: plugin}))
