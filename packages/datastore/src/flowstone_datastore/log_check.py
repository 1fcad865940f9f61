"""Reads every frame of a run's logs, and looks whether what the records name is there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from flowstone_datastore.datastore import Datastore
from flowstone_datastore.findings import Damage
from flowstone_datastore.logs import LOG_SUFFIX, DamagedLogError, log_folder
from flowstone_datastore.record_parts import LogSpan
from flowstone_datastore.records import Record, TaskFailed, TaskFinished
from flowstone_datastore.storage_errors import ObjectNotFoundError
from flowstone_interfaces import FlowstoneError


def check_logs(store: Datastore, flow: str, run_id: str, records: Iterable[Record]) -> Iterator[Damage]:
    """What is wrong with the log segments of a run, and which tasks that touches.

    In a segment, what comes after the first damaged frame is not looked at: where the next begins is not known.
    """
    spans = _spans(f"{flow}/{run_id}", records)
    folder = log_folder(flow, run_id)
    segments = store.log_segments(flow, run_id)
    for segment in segments:
        path = f"{folder}/{segment}{LOG_SUFFIX}"
        try:
            for _ in store.log(flow, run_id, segment).frames():
                pass
            end = store.storage.status(path).size
        except ObjectNotFoundError:  # somebody is deleting the run
            continue
        except DamagedLogError as error:
            touched = _touched(spans[segment], error.offset)
            yield Damage(f"{path}, byte {error.offset}", f"a damaged frame ({error.detail})", touched)
        except (FlowstoneError, MemoryError) as error:
            yield Damage(path, str(error) or "it does not fit into memory", _touched(spans[segment], 0))
        else:
            short = [(task, span) for task, span in spans[segment] if span.end > end]
            if short:
                yield Damage(f"{path}, byte {end}", "frames are missing at its end", _touched(short, end))
    for segment in sorted(spans.keys() - {*segments}):
        touched = _touched(spans[segment], 0)
        if touched:
            yield Damage(f"{folder}/{segment}{LOG_SUFFIX}", "it is not there", touched)


def _spans(run: str, records: Iterable[Record]) -> defaultdict[str, list[tuple[str, LogSpan]]]:
    """By segment: each attempt's task and where its frames are. What a task took over printed in another run."""
    spans = defaultdict(list)
    for record in records:
        if not isinstance(record, TaskFailed | TaskFinished) or record.logs is None:
            continue
        is_own = isinstance(record, TaskFailed) or record.origin is None
        if is_own and record.logs.end > record.logs.start:
            spans[record.logs.segment].append((f"{run}/{record.step}/{record.task}", record.logs))
    return spans


def _touched(spans: Iterable[tuple[str, LogSpan]], offset: int) -> tuple[str, ...]:
    """The tasks with frames from `offset` on."""
    return tuple(dict.fromkeys([task for task, span in spans if span.end > offset]))
