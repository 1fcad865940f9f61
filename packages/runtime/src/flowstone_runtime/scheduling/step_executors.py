"""Several executors as one: some steps run on other machines, some in an interpreter of their own."""

from collections.abc import Callable

from flowstone_interfaces import Executor, TaskRequest


class StepExecutors:
    """Sends each request to the executor that it names, or that of its environment, opened for the first of them.

    `own` takes what names neither; `open_for` makes the others, each from the first request for it.
    """

    def __init__(self, own: Executor, open_for: Callable[[TaskRequest], Executor]) -> None:
        self._own = own
        self._open_for = open_for
        self._others: dict[tuple[str | None, str | None], Executor] = {}

    def submit(self, request: TaskRequest) -> None:
        """See `Executor.submit`."""
        self._executor(request).submit(request)

    def cancel(self, request_id: str) -> None:
        """See `Executor.cancel`."""
        for executor in (self._own, *self._others.values()):
            executor.cancel(request_id)

    def close(self) -> None:
        """See `Executor.close`."""
        for executor in (self._own, *self._others.values()):
            executor.close()

    def _executor(self, request: TaskRequest) -> Executor:
        # An executor elsewhere has all environments.
        key = (request.executor, None if request.executor else request.environment_address)
        if key == (None, None):
            return self._own
        if key not in self._others:
            self._others[key] = self._open_for(request)
        return self._others[key]
