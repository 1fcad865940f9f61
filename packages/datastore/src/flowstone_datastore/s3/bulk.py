"""Many objects of several buckets by one call: fetched, sent or asked about, each noted for lineage."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import attrs

from flowstone_datastore.data_access import DataAccess, is_data_access_recorded, record_data_access
from flowstone_datastore.s3.bucket import Bucket, ObjectHead, PutHead, Span
from flowstone_datastore.s3.crew import Crew
from flowstone_datastore.s3.fetching import Fetch, Fetched, Want
from flowstone_datastore.s3.pace import Patience
from flowstone_datastore.s3.places import Place
from flowstone_datastore.s3.sending import Send, Sent, Source
from flowstone_datastore.s3.sinks import Sink
from flowstone_datastore.storage_errors import ObjectNotFoundError

OnBytes = Callable[[int], object]


@attrs.frozen
class Ask:
    """What is fetched of a place, and where it goes."""

    place: Place
    sink: Sink
    span: Span
    etag: str = ""


@attrs.frozen
class Bulk:
    """How long a client waits, and whom it tells of bytes."""

    patience_seconds: float
    deadline_seconds: float | None
    progress: bool | OnBytes

    def patience(self) -> Patience:
        """That of a call that begins now."""
        if self.deadline_seconds is None:
            return Patience(self.patience_seconds)
        return Patience(self.patience_seconds, time.monotonic() + self.deadline_seconds)

    def fetch(self, asks: Sequence[Ask], *, is_missing_fine: bool = False) -> list[Fetched | None]:
        """All of them, in order; `None` for what is not there and need not be."""
        found: list[Fetched | None] = [None] * len(asks)
        patience = self.patience()
        with self._told("get") as on_bytes:
            for indexes in _by_bucket([ask.place for ask in asks]):
                first = asks[indexes[0]].place
                some = [asks[at] for at in indexes]
                wants = [Want(ask.place.key, ask.sink, ask.span, ask.etag, is_missing_fine) for ask in some]
                all_fetched = Fetch(first.bucket, first.pace, patience, on_bytes).run(wants)
                for at, fetched in zip(indexes, all_fetched, strict=True):
                    found[at] = fetched
                    if fetched is not None:
                        note("read", first.bucket, fetched.head, fetched.stop - fetched.start)
        return found

    def send(self, sents: Sequence[tuple[Place, Source, PutHead]]) -> None:
        """Write all of them."""
        patience = self.patience()
        with self._told("put") as on_bytes:
            for indexes in _by_bucket([place for place, *_ in sents]):
                first = sents[indexes[0]][0]
                objects = [Sent(sents[at][0].key, *sents[at][1:]) for at in indexes]
                for head in Send(first.bucket, first.pace, patience, on_bytes).run(objects):
                    if head is not None:
                        note("written", first.bucket, head, head.size)

    def heads(self, places: Sequence[Place], *, is_missing_fine: bool) -> list[ObjectHead | None]:
        """What is said of all of them, in order; `None` for what is not there and need not be."""
        heads: list[ObjectHead | None] = [None] * len(places)
        patience = self.patience()

        def look(at: int, place: Place) -> None:
            try:
                heads[at] = place.pace.run(partial(place.bucket.head, place.key), patience)
            except ObjectNotFoundError:
                if not is_missing_fine:
                    raise

        if places:
            jobs = [partial(look, at, place) for at, place in enumerate(places)]
            Crew(jobs, max([place.pace.most for place in places])).run()
        return heads

    def delete(self, places: Sequence[Place]) -> None:
        """Remove all of them."""
        for indexes in _by_bucket(places):
            places[indexes[0]].bucket.delete([places[at].key for at in indexes])

    @contextmanager
    def _told(self, what: str) -> Iterator[OnBytes | None]:
        if not isinstance(self.progress, bool):
            yield self.progress
        elif not self.progress:
            yield None
        else:
            import sys

            from flowstone_datastore.s3.progress import ProgressLine

            line = ProgressLine(sys.stderr, what)
            try:
                yield line
            finally:
                line.end()


def note(mode: str, bucket: Bucket, head: ObjectHead, size: int) -> None:
    """Keep with the running task what it read or wrote."""
    if is_data_access_recorded():
        record_data_access(DataAccess(mode, bucket.url + head.key, head.version or head.etag.strip('"'), size))


def _by_bucket(places: Sequence[Place]) -> list[list[int]]:
    """The indexes of the places of each bucket: what goes by one transfer."""
    groups: dict[str, list[int]] = {}
    for at, place in enumerate(places):
        groups.setdefault(place.service, []).append(at)
    return [*groups.values()]
