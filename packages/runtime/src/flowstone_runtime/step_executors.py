"""Several executors as one: tasks of a step with an environment of its own are forks of another interpreter."""

from collections.abc import Callable

from flowstone_interfaces import Executor, TaskRequest


class StepExecutors:
    """Sends each request to the executor of its environment, opened when the first task needs it.

    `own` takes what names no environment; `open_for` makes the executor of an environment from the first request
    that names it.
    """

    def __init__(self, own: Executor, open_for: Callable[[TaskRequest], Executor]) -> None:
        self._own = own
        self._open_for = open_for
        self._others: dict[str, Executor] = {}

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
        address = request.environment_address
        if address is None:
            return self._own
        if address not in self._others:
            self._others[address] = self._open_for(request)
        return self._others[address]
