"""For whoever writes a backend or a serializer, or tests with stored values: contract kits and strategies.

Needs pytest and hypothesis: the extra `testing`.
"""

from flowstone_datastore.serializer_contract import SerializerContract
from flowstone_datastore.storage_contract import StorageContract
from flowstone_datastore.strategies import addresses, artifacts, chunk_refs, names, records, tables, values

__all__ = [
    "SerializerContract",
    "StorageContract",
    "addresses",
    "artifacts",
    "chunk_refs",
    "names",
    "records",
    "tables",
    "values",
]
