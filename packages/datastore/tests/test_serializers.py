"""Other people's encodings."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from flowstone_datastore import (
    Artifact,
    ArtifactStore,
    ChunkStore,
    InvalidSerializerError,
    MemoryStorage,
    Serializers,
    UnknownEncodingError,
    UnloadableError,
    UnpicklableError,
)
from flowstone_datastore.testing import SerializerContract


class Samples:
    """A type of some package."""

    def __init__(self, name, data):
        self.name = name
        self.data = data

    def __eq__(self, other):
        return (self.name, bytes(self.data)) == (other.name, bytes(other.data))

    __hash__ = None

    def __reduce__(self):
        raise TypeError("these are not for pickle")


class Derived(Samples):
    """A type derived from it."""


class SamplesSerializer:
    types = (f"{Samples.__module__}.Samples",)

    def dump(self, value):
        if value.name == "leave it to pickle":
            return None
        return json.dumps([type(value).__name__, value.name]).encode(), [value.data]

    def load(self, stream, buffers):
        kind, name = json.loads(bytes(stream))
        return {"Samples": Samples, "Derived": Derived}[kind](name, buffers[0])

    def export(self, value, path):
        with open(path, "wb") as file:  # noqa: PTH123 - as people write it
            file.write(value.data)


def store_with(**plugins):
    plugins = {name.replace("_", "-"): plugin for name, plugin in plugins.items()}
    return ArtifactStore(ChunkStore(MemoryStorage()), serializers=Serializers(plugins))


class TestSamplesSerializer(SerializerContract):
    encoding = "samples"

    @pytest.fixture
    def plugin(self):
        return SamplesSerializer()

    @pytest.fixture
    def examples(self):
        large = bytearray(range(256)) * 4096
        return [Samples("", b""), Samples("a", b"x"), Samples("large", large), Derived("a", b"x")]


def test_what_a_serializer_stores_has_its_encoding():
    """Whoever reads the record knows what is needed; size and chunks need nothing."""
    store = store_with(samples=SamplesSerializer)
    artifact = store.save(Samples("a", b"x" * 100_000))
    assert (artifact.encoding, artifact.type) == ("samples", f"{Samples.__module__}.Samples")
    assert artifact.size == 100_000 + len(b'["Samples", "a"]')
    reader = store_with()
    assert [chunk.size for chunk in reader.chunks(artifact)] == [100_000]
    assert Artifact.from_json(artifact.to_json()) == artifact
    with pytest.raises(UnknownEncodingError, match="'samples', unknown here"):
        reader.load(artifact)


def test_a_changed_buffer_is_stored_and_nothing_else():
    """As for pickles."""
    storage = MemoryStorage()
    store = ArtifactStore(ChunkStore(storage), serializers=Serializers({"samples": SamplesSerializer()}))
    data = bytearray(os.urandom(2_000_000))
    store.save(Samples("a", data))
    before = {name for folder in storage.list("chunks") for name in storage.list(f"chunks/{folder}")}
    data[1_000_000] ^= 1
    store.save(Samples("a", data))
    after = {name for folder in storage.list("chunks") for name in storage.list(f"chunks/{folder}")}
    assert 1 <= len(after - before) <= 2


def test_a_serializer_may_decline():
    """And the value is pickled, or refused, as without it."""
    with pytest.raises(UnpicklableError, match="these are not for pickle"):
        store_with(samples=SamplesSerializer()).save(Samples("leave it to pickle", b""))


def test_types_of_the_standard_library_are_pickled():
    """A claim on them would slow down every value there is."""

    class Greedy(SamplesSerializer):
        types = ("builtins.object", "builtins.dict", "collections.OrderedDict", "decimal.Decimal")

    from collections import OrderedDict
    from decimal import Decimal

    store = store_with(greedy=Greedy)
    for value in ({}, 1, OrderedDict(), Decimal(1)):
        assert store.save(value).encoding == "pickle-5"


def test_the_claim_of_the_most_derived_type_counts():
    """Who knows more decides; of two equal claims, the name."""

    class DerivedSerializer(SamplesSerializer):
        types = (f"{Derived.__module__}.Derived",)

    store = store_with(a=SamplesSerializer, b=DerivedSerializer, c=DerivedSerializer)
    assert store.save(Samples("a", b"")).encoding == "a"
    assert store.save(Derived("a", b"")).encoding == "b"


def test_what_fails_is_named():
    """Type, serializer and reason, so that the right package is repaired."""

    class Fails(SamplesSerializer):
        def dump(self, value):
            raise ZeroDivisionError("on purpose")

    class FailsLater(SamplesSerializer):
        def load(self, stream, buffers):
            raise ZeroDivisionError("on purpose")

    with pytest.raises(UnpicklableError, match="Samples cannot be stored: the serializer 'a' fails with ZeroDiv"):
        store_with(a=Fails).save(Samples("a", b""))
    store = store_with(a=FailsLater)
    with pytest.raises(UnloadableError, match="the serializer 'a' fails with ZeroDivisionError: on purpose"):
        store.load(store.save(Samples("a", b"")))


@pytest.mark.parametrize(
    ("name", "plugin", "detail"),
    [
        ("pickle-5", SamplesSerializer, "its name is taken"),
        ("Samples", SamplesSerializer, "lowercase"),
        ("nothing", object(), "has no attribute 'types'"),
        ("text", type("T", (), {"types": "a.B", "dump": 1, "load": 1}), "not names of types"),
        ("useless", type("U", (), {"types": ()}), "neither load and dump nor export"),
        ("fails", type("F", (), {"__init__": lambda self: 1 / 0}), "ZeroDivisionError"),
    ],
)
def test_what_is_no_serializer_is_named_and_stops_nothing(name, plugin, detail, caplog):
    """One warning; values of other types, and those of other serializers, are stored all the same."""
    serializers = Serializers({name: plugin, "samples": SamplesSerializer()})
    store = ArtifactStore(ChunkStore(MemoryStorage()), serializers=serializers)
    for _ in range(2):
        assert store.save(Samples("a", b"")).encoding == "samples"
    (record,) = caplog.records
    assert detail in record.message
    assert f"{name!r} of flowstone.serializers cannot be used" in record.message
    with pytest.raises(InvalidSerializerError):
        serializers.named(name)


@pytest.fixture
def site(tmp_path):
    """A folder with an installed package that stores and exports a type of another one, and a broken one."""
    files = {
        "waves.py": """
            class Wave:
                def __init__(self, data): self.data = data
        """,
        "wave_plugin.py": """
            types = {"waves.Wave"}
            def dump(value): return b"v1", [value.data]
            def load(stream, buffers):
                from waves import Wave
                return Wave(bytes(buffers[0]))
            def export(value, path):
                with open(path, "wb") as file: file.write(b"WAVE" + value.data)
        """,
        "broken_plugin.py": "import no_such_package_anywhere\n",
        "waves-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: waves\nVersion: 1.0\n",
        "waves-1.0.dist-info/entry_points.txt": """
            [flowstone.serializers]
            wave-1 = wave_plugin
            broken = broken_plugin:plugin
        """,
    }
    for name, text in files.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path / "site"


def run(code, *paths):
    """What a program prints, to standard output and to standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


def test_an_installed_package_stores_its_types(site, tmp_path):
    """All it takes is to install it; a broken one is named once, and in nobody's way."""
    out, err = run(
        f"""
        import json, sys
        from flowstone_datastore import Datastore
        store = Datastore.open({str(tmp_path / "store")!r}, create=True).artifacts
        store.save({{"a": [1]}})
        print("importlib.metadata" in sys.modules, "wave_plugin" in sys.modules)
        from waves import Wave
        artifact = store.save(Wave(b"x" * 50_000))
        store.save(Wave(b"y"))
        print(artifact.encoding, store.load(artifact).data == b"x" * 50_000)
        print(store.export(artifact, {str(tmp_path / "wave")!r}).read_bytes()[:5])
        print(json.dumps(artifact.to_json()))
        """,
        site,
    )
    lines = out.splitlines()
    assert lines[:3] == ["False False", "wave-1 True", "b'WAVEx'"]
    assert err.count("cannot be loaded") == 1
    assert "the plugin 'broken' of flowstone.serializers" in err
    reading = """
        import json, sys
        from flowstone_datastore import Artifact, Datastore
        store = Datastore.open({store!r}).artifacts
        artifact = Artifact.from_json(json.loads({text!r}))
        try:
            print(type(store.load(artifact)).__name__, "broken_plugin" in sys.modules)
        except Exception as error:
            print(type(error).__name__, error)
    """.format(store=str(tmp_path / "store"), text=lines[3])
    assert run(reading, site) == ("Wave False\n", "")  # of all plugins, the one that is needed is loaded
    assert "UnknownEncodingError" in run(reading)[0]


def test_serializers_can_be_found_before_a_fork(site):
    """Else each task of a wide foreach would look for them, and each would warn of what is broken."""
    out, err = run(
        """
        import os, sys
        from flowstone_datastore import Datastore, MemoryStorage
        store = Datastore.at(MemoryStorage(), create=True).artifacts
        store.find_serializers()
        from waves import Wave
        for _ in range(3):
            if os.fork() == 0:
                print(store.save(Wave(b"x")).encoding, flush=True)
                os._exit(0)
            os.wait()
        """,
        site,
    )
    assert out == "wave-1\n" * 3
    assert err.count("cannot be loaded") == 1


def test_values_of_the_program_itself_cost_no_look_for_plugins():
    """Nobody can claim what is defined in a flow file, and each task would pay for it."""
    out, _ = run(
        """
        import dataclasses, datetime, sys
        from flowstone_datastore import ArtifactStore, ChunkStore, MemoryStorage
        @dataclasses.dataclass
        class Point:
            x: int
        store = ArtifactStore(ChunkStore(MemoryStorage()))
        for value in (1, [Point(1)], Point(1), datetime.date(2026, 1, 1)):
            assert store.load(store.save(value)) == value
        print([name for name in ("importlib.metadata", "cloudpickle", "numpy") if name in sys.modules])
        """
    )
    assert out == "[]\n"
