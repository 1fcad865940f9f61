"""The executor: takes requests, and has one thread that submits them and watches what becomes of the jobs."""

import queue
import secrets
import threading
from typing import Any

import attrs

from flowstone_executors.batch.aws import AwsBatch
from flowstone_executors.batch.submission import is_reachable
from flowstone_executors.batch.worker import Worker
from flowstone_interfaces import ExecutorPlace, PostEvent, Reason, TaskFinished, TaskRequest

_GATHER_SECONDS = 0.02


@attrs.frozen
class Cancel:
    """Asks the thread to end a request."""

    request_id: str


class Close:
    """Asks the thread to end everything, and itself."""


Order = TaskRequest | Cancel | Close


class BatchExecutor:
    """Runs each request as a job of AWS Batch; requests that come together are one array.

    Requests and results travel through the staging, which must be in S3. What jobs write is shown while they
    run, from CloudWatch Logs, and is complete in the end. A job has one attempt: whether there is another is the
    scheduler's decision. An image needs Python 3.10 or newer with its standard library, nothing else.
    """

    def __init__(self, post: PostEvent, place: ExecutorPlace) -> None:
        self._post = post
        self._place = place
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, request: TaskRequest) -> None:
        """See `Executor.submit`."""
        url = self._place.staging.url
        if not is_reachable(url):
            message = f"jobs of AWS Batch cannot read the store {url}; use one in S3: --store s3://bucket/folder"
            self._post(TaskFinished(request.id, Reason.REFUSED, message=message))
            return
        self._orders.put(request)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="AWS Batch", daemon=True)
            self._thread.start()

    def cancel(self, request_id: str) -> None:
        """See `Executor.cancel`."""
        self._orders.put(Cancel(request_id))

    def close(self) -> None:
        """See `Executor.close`."""
        if self._thread is not None:
            self._orders.put(Close())
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        region: Any = self._place.settings.get("region")
        worker = Worker(self._post, self._place, AwsBatch(region), secrets.token_hex(4))
        try:
            self._serve(worker)
        except Exception as error:  # whatever it is: nobody else would tell the scheduler, which waits
            worker.give_up(f"the executor of AWS Batch cannot go on: {type(error).__name__}: {error}")
            raise
        finally:
            worker.close()

    def _serve(self, worker: Worker) -> None:
        is_open = True
        while is_open or worker.has_jobs:
            requests: list[TaskRequest] = []
            order = self._next(worker.seconds_to_wait())
            while order is not None:  # what comes together goes together
                if isinstance(order, Close):
                    is_open = False
                    worker.end_all()
                elif isinstance(order, Cancel):
                    worker.submit(requests)
                    requests = []
                    worker.cancel(order.request_id)
                else:
                    requests.append(order)
                order = self._next(_GATHER_SECONDS)
            worker.submit(requests)
            worker.turn()

    def _next(self, seconds: float) -> Order | None:
        try:
            return self._orders.get(timeout=seconds)
        except queue.Empty:
            return None
