"""Reads the journal of a run, whatever is wrong with it."""

import re
from typing import TYPE_CHECKING

import attrs

from flowstone_datastore.findings import Damage, Finding, StrayObject
from flowstone_datastore.records import Record, RunStarted
from flowstone_datastore.run_objects import run_folder
from flowstone_datastore.segment import DamagedRecordError
from flowstone_datastore.storage_errors import ObjectNotFoundError, StorageError
from flowstone_interfaces import FlowstoneError

if TYPE_CHECKING:
    from flowstone_datastore.datastore import Datastore  # which imports this to collect

_TASK = re.compile(rb'"step":"([A-Za-z0-9_.~-]{1,255})","task":"([A-Za-z0-9_.~-]{1,255})"')
_LOOKED_AT = 1 << 20
"""Bytes of a damaged line in which its task is looked for."""


@attrs.frozen
class ReadRun:
    """The records of a run that can be read, and what is wrong with the others."""

    records: tuple[Record, ...]
    findings: tuple[Finding, ...]


def read_run(store: "Datastore", flow: str, run_id: str) -> ReadRun:
    """Every record that is as it was written, and a finding for each that is not.

    Raises:
        StorageError: the journal could not be read.
    """
    damaged: list[DamagedRecordError] = []
    try:
        records = tuple([record for _, record in store.journal(flow, run_id).records(damaged.append)])
    except ObjectNotFoundError:  # somebody is deleting the run
        return ReadRun((), ())
    except StorageError:
        raise
    except (FlowstoneError, ArithmeticError, MemoryError) as error:
        folder = f"{run_folder(flow, run_id)}/journal"
        return ReadRun((), (Damage(folder, str(error), (f"{flow}/{run_id}",)),))
    findings: list[Finding] = [_finding(store, flow, run_id, error) for error in damaged]
    starts = [record for record in records if isinstance(record, RunStarted)]
    if records and not starts and not damaged:
        detail = "its journal does not say how the run began, so no reader shows it; delete it if it is in the way"
        findings.append(StrayObject(run_folder(flow, run_id), detail))
    for start in starts:
        if (start.flow, start.run_id) != (flow, run_id):
            detail = f"its journal says that it is {start.flow}/{start.run_id}; was its folder renamed?"
            findings.append(Damage(run_folder(flow, run_id), detail, (f"{flow}/{run_id}",)))
    return ReadRun(records, tuple(findings))


def _finding(store: "Datastore", flow: str, run_id: str, error: DamagedRecordError) -> Damage:
    path = f"{run_folder(flow, run_id)}/journal/{error.segment}.jsonl"
    touched = f"{flow}/{run_id}"
    try:
        line = store.storage.read(path, error.offset, _LOOKED_AT).partition(b"\n")[0]
    except ObjectNotFoundError:
        line = b""
    match = _TASK.search(line)
    if match is not None:  # a hint: the line is damaged, its names may be, too
        touched += f"/{match[1].decode()}/{match[2].decode()}"
    return Damage(f"{path}, byte {error.offset}", f"a damaged record ({error.detail})", (touched,))
