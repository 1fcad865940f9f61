"""What flows, runs, steps, tasks and artifacts have in common: a name, a parent, children, tags, a client."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from flowstone_client.client import Client
from flowstone_client.errors import WrongDepthError
from flowstone_interfaces import Pathspec

_FORMS = ("one name", "Flow/run", "Flow/run/step", "Flow/run/step/task", "Flow/run/step/task/artifact")
_KINDS = ("a flow", "a run", "a step", "a task", "an artifact")


class ClientObject(ABC):
    """Something that ran, or was made by what ran. It can be pickled: the copy looks it up anew."""

    # The class for each depth of a pathspec, so that a child can name its parent's class without importing it.
    _classes: ClassVar[dict[int, type["ClientObject"]]] = {}
    _depth: ClassVar[int]

    _client: Client
    pathspec: str
    """Its full name: `Flow/run/step/task`."""
    id: str
    """The last part of its name."""

    def __init_subclass__(cls, *, depth: int | None = None) -> None:
        if depth is not None:
            cls._depth = depth
            cls._classes[depth] = cls

    @classmethod
    def _parsed(cls, pathspec: str) -> Pathspec:
        """The pathspec of one such object.

        Raises:
            WrongDepthError: it names something else.
            InvalidPathspecError: it names nothing.
        """
        spec = Pathspec.parse(pathspec)
        if spec.depth != cls._depth:
            form = f"{_KINDS[cls._depth - 1]} is {_FORMS[cls._depth - 1]}"
            if spec.depth > cls._depth:
                advice = f"write {'/'.join(spec.parts[: cls._depth])!r}"
            else:
                name = cls._classes[spec.depth].__name__
                advice = f"write {name}({pathspec!r}) and choose below it"
            raise WrongDepthError(pathspec, f"{form}, {advice}")
        return spec

    @property
    def path_components(self) -> list[str]:
        """The parts of its name, from the flow on."""
        return self.pathspec.split("/")

    @property
    def parent(self) -> "ClientObject | None":
        """What it is part of: a task's step, a step's run, a run's flow; `None` for a flow."""
        if self._depth == 1:
            return None
        above = self._classes[self._depth - 1]
        return above(self.pathspec.rpartition("/")[0], client=self._client)  # type: ignore[call-arg] # all take these

    @property
    @abstractmethod
    def tags(self) -> frozenset[str]:
        """All tags; those of its run."""

    @property
    @abstractmethod
    def user_tags(self) -> frozenset[str]:
        """The tags that people gave; those of its run."""

    @property
    @abstractmethod
    def system_tags(self) -> frozenset[str]:
        """The tags that flowstone gave; those of its run."""

    @property
    @abstractmethod
    def created_at(self) -> datetime | None:
        """When it began to be."""

    @property
    def origin_pathspec(self) -> str | None:
        """What it was taken over from, if a run was resumed; `None` if it came to be here."""
        return None

    def is_in_namespace(self) -> bool:
        """True if its run carries the tag that is the client's namespace, or if the client sees all runs."""
        return self._client.sees(self.tags)

    @abstractmethod
    def _child_ids(self) -> Iterator[str]:
        """What can stand in `[...]`."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def _ipython_key_completions_(self) -> list[str]:
        return [*self._child_ids()]

    def __reduce__(self) -> tuple[Any, ...]:
        return _found_again, (self._depth, self.pathspec, self._client)


def _found_again(depth: int, pathspec: str, client: Client) -> ClientObject:
    return ClientObject._classes[depth](pathspec, client=client)  # type: ignore[call-arg] # noqa: SLF001 - one family
