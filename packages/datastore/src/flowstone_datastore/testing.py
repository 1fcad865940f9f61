"""For whoever writes a storage backend, or tests with stored values: a contract kit and hypothesis strategies.

Needs pytest and hypothesis: the extra `testing`.
"""

from flowstone_datastore.storage_contract import StorageContract
from flowstone_datastore.strategies import addresses, artifacts, chunk_refs, names, records, tables, values

__all__ = ["StorageContract", "addresses", "artifacts", "chunk_refs", "names", "records", "tables", "values"]
