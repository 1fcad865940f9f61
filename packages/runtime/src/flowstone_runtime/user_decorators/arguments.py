"""What a class that users decorate with was given, kept until it is needed."""

import inspect
from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_runtime.errors import UsageError


class WithArguments:
    """The base of what users write classes of to decorate steps and flows with.

    `@Mine`, `@Mine()` and `@Mine(1, level=2)` all decorate. The arguments go to `init`; a subclass that takes some
    defines it.
    """

    def init(self) -> None:
        """Take the arguments; a subclass gives it the ones that it wants."""


@attrs.frozen
class Arguments:
    """A class of the user's and the arguments that it was written with."""

    kind: type[WithArguments]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = attrs.field(factory=dict, hash=False)

    @property
    def name(self) -> str:
        """What people call it: the name of the class."""
        return self.kind.__name__

    @property
    def qualified_name(self) -> str:
        """`module.Class`, as `--with` takes it."""
        return f"{self.kind.__module__}.{self.kind.__qualname__}"

    def make(self) -> Any:
        """A new instance."""
        instance = object.__new__(self.kind)
        instance.init(*self.args, **self.kwargs)
        return instance

    def fault(self) -> str | None:
        """Why the arguments cannot be taken, in one sentence; `None` if they can."""
        try:
            inspect.signature(self.kind.init).bind(None, *self.args, **self.kwargs)
        except TypeError as error:
            return f"its init does not take these arguments: {error}"
        return None

    def resolved(self, configs: Mapping[str, Any]) -> "Arguments":
        """The same with what the flow's configs give in its place.

        Raises:
            UsageError: a config does not have it.
        """
        from flowstone_runtime.config_values import resolve

        return attrs.evolve(
            self, args=resolve(tuple(self.args), configs), kwargs=resolve(dict(self.kwargs), configs)
        )


def is_step(value: Any) -> bool:
    """True for a function that is marked as a step."""
    return callable(value) and getattr(value, "is_step", False) is True


def refuse(kind: type, target: Any, wanted: str) -> UsageError:
    """The error of a decorator that stands above something else than what it decorates."""
    what = f"the class {target.__name__}" if isinstance(target, type) else repr(target)
    return UsageError(f"@{kind.__name__} decorates {wanted}, not {what}; write it above {wanted}")
