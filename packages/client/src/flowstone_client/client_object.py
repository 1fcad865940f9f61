"""What flows, runs, steps, tasks and artifacts have in common: a name, a parent, children, tags, a client."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from flowstone_client.client import Client
from flowstone_client.errors import WrongDepthError
from flowstone_interfaces import Pathspec

_FORMS = ("one name", "Flow/run", "Flow/run/step", "Flow/run/step/task", "Flow/run/step/task/artifact")
_CLASSES = ("Flow", "Run", "Step", "Task", "DataArtifact")
_KINDS = ("a flow", "a run", "a step", "a task", "an artifact")


class ClientObject(ABC):
    """Something that ran, or was made by what ran. It can be pickled: the copy looks it up anew."""

    _depth: ClassVar[int]

    _client: Client
    pathspec: str
    """Its full name: `Flow/run/step/task`."""
    id: str
    """The last part of its name."""

    def __init_subclass__(cls, *, depth: int | None = None) -> None:
        if depth is not None:
            cls._depth = depth

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
                advice = f"write {_CLASSES[spec.depth - 1]}({pathspec!r}) and choose below it"
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
        above: ClientObject = found_again(self._depth - 1, self.pathspec.rpartition("/")[0], self._client)
        return above

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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClientObject) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Any, ...]:
        """Two objects are equal if these are: the same thing in the same store, whoever looks at it."""
        return self._depth, self._client.datastore.url, self.pathspec

    def _ipython_key_completions_(self) -> list[str]:
        return [*self._child_ids()]

    def __reduce__(self) -> tuple[Any, ...]:
        return found_again, (self._depth, self.pathspec, self._client)


def found_again(depth: int, pathspec: str, client: Client) -> Any:
    """What has this name. Its class is loaded by the package, so that nobody imports what imports them."""
    return getattr(sys.modules[__package__], _CLASSES[depth - 1])(pathspec, client=client)
