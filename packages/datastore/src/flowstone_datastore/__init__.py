"""Content-addressed artifacts and run journals: a place for Python values that never stores the same bytes twice.

`Datastore.open` is the door. `FORMAT.md`, beside this package, says what is stored, byte by byte.
"""

from flowstone_datastore.address import InvalidAddressError, address_of, check_address
from flowstone_datastore.artifact import Artifact, Blob, Blobs, ChunkRef
from flowstone_datastore.artifact_store import ArtifactStore, UnknownEncodingError
from flowstone_datastore.artifact_table import ArtifactTable
from flowstone_datastore.chunk_cache import ChunkCache
from flowstone_datastore.chunk_errors import DamagedChunkError, MissingChunkError
from flowstone_datastore.chunk_store import ChunkStore
from flowstone_datastore.data_access import DataAccess, collecting_data_access, record_data_access
from flowstone_datastore.datastore import Datastore
from flowstone_datastore.deployments import DamagedDeploymentError, DeploymentNotFoundError, Deployments
from flowstone_datastore.export import ExportFailedError, NotExportableError
from flowstone_datastore.fields import InvalidRecordError
from flowstone_datastore.file_storage import FileStorage
from flowstone_datastore.journal import Journal, SegmentWriter
from flowstone_datastore.locked_environment import LockedEnvironment
from flowstone_datastore.logs import DamagedLogError, LogFrame, LogSegment
from flowstone_datastore.marker import NotAStoreError, UnsupportedFormatError
from flowstone_datastore.memory_storage import MemoryStorage
from flowstone_datastore.open_storage import open_storage
from flowstone_datastore.pickling import UnimportableTypeError, UnloadableError, UnpicklableError
from flowstone_datastore.plain_value import Plain, plain_value
from flowstone_datastore.process_identity import ProcessIdentity, current_process, is_alive
from flowstone_datastore.record_parts import Code, LogSpan, Reads, TaskError, Transition
from flowstone_datastore.records import (
    SPUN_TAG,
    Heartbeat,
    Record,
    RunEnded,
    RunStarted,
    TagsChanged,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from flowstone_datastore.retention import KeepRules
from flowstone_datastore.run_state import RunState, RunSummary, TaskState, TaskSummary
from flowstone_datastore.segment import DamagedRecordError, RecordRef
from flowstone_datastore.serializer import Exporter, Serializer
from flowstone_datastore.serializers import InvalidSerializerError, Serializers
from flowstone_datastore.storage import ObjectStatus, OpensFiles, Storage
from flowstone_datastore.storage_errors import (
    InvalidObjectPathError,
    ObjectNotFoundError,
    StorageError,
    StorageFailedError,
    StoreFullError,
    StoreNotWritableError,
)
from flowstone_datastore.table_store import NoSuchArtifactError, TableStore
from flowstone_datastore.tag_changes import append_tag_change, reopen_run, tag_hints
from flowstone_datastore.verification import InvalidVerifyError, Verify

__all__ = [
    "SPUN_TAG",
    "Artifact",
    "ArtifactStore",
    "ArtifactTable",
    "Blob",
    "Blobs",
    "ChunkCache",
    "ChunkRef",
    "ChunkStore",
    "Code",
    "DamagedChunkError",
    "DamagedDeploymentError",
    "DamagedLogError",
    "DamagedRecordError",
    "DataAccess",
    "Datastore",
    "DeploymentNotFoundError",
    "Deployments",
    "ExportFailedError",
    "Exporter",
    "FileStorage",
    "Heartbeat",
    "InvalidAddressError",
    "InvalidObjectPathError",
    "InvalidRecordError",
    "InvalidSerializerError",
    "InvalidVerifyError",
    "Journal",
    "KeepRules",
    "LockedEnvironment",
    "LogFrame",
    "LogSegment",
    "LogSpan",
    "MemoryStorage",
    "MissingChunkError",
    "NoSuchArtifactError",
    "NotAStoreError",
    "NotExportableError",
    "ObjectNotFoundError",
    "ObjectStatus",
    "OpensFiles",
    "Plain",
    "ProcessIdentity",
    "Reads",
    "Record",
    "RecordRef",
    "RunEnded",
    "RunStarted",
    "RunState",
    "RunSummary",
    "SegmentWriter",
    "Serializer",
    "Serializers",
    "Storage",
    "StorageError",
    "StorageFailedError",
    "StoreFullError",
    "StoreNotWritableError",
    "TableStore",
    "TagsChanged",
    "TaskError",
    "TaskFailed",
    "TaskFinished",
    "TaskStarted",
    "TaskState",
    "TaskSummary",
    "Transition",
    "UnimportableTypeError",
    "UnknownEncodingError",
    "UnloadableError",
    "UnpicklableError",
    "UnsupportedFormatError",
    "Verify",
    "address_of",
    "append_tag_change",
    "check_address",
    "collecting_data_access",
    "current_process",
    "is_alive",
    "open_storage",
    "plain_value",
    "record_data_access",
    "reopen_run",
    "tag_hints",
]
