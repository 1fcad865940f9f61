"""`S3` for programs with an event loop: the same calls, awaited."""

from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from flowstone_datastore.s3.client import S3
from flowstone_interfaces.python_310 import Self

T = TypeVar("T")


class AsyncS3:
    """Every method of `S3`, as a coroutine; takes what `S3` takes.

        async with AsyncS3(s3root="s3://bucket/data") as s3:
            first, second = await asyncio.gather(s3.get("a"), s3.get("b"))

    The transfers run in threads, as they do without an event loop: they wait for the network, not for each other.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._client = S3(*args, **kwargs)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(_in_a_thread, getattr(self._client, name))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _in_a_thread(self._client.close)


async def _in_a_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    import asyncio

    return await asyncio.to_thread(call, *args, **kwargs)
