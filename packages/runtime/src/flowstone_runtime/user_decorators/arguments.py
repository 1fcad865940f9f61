"""What a class that users decorate with was given, kept until it is needed."""

import inspect
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from flowstone_runtime.errors import UsageError


class WithArguments:
    """The base of what users write classes of to decorate steps and flows with.

    `@Mine`, `@Mine()` and `@Mine(1, level=2)` all decorate. The arguments go to `init`; a subclass that takes some
    defines it.
    """

    _decorates: ClassVar[str] = "a step"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """What it decorates, decorated; or, called with arguments, what decorates."""
        if args and cls._can_decorate(args[0]):
            return cls._decorate(args[0], Arguments(cls, args[1:], kwargs))
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._arguments = Arguments(type(self), args, kwargs)

    def __call__(self, target: Any) -> Any:
        """Decorate.

        Raises:
            UsageError: it stands above something else than what it decorates.
        """
        if not self._can_decorate(target):
            what = f"the class {target.__name__}" if isinstance(target, type) else repr(target)
            wanted = self._decorates
            raise UsageError(f"@{type(self).__name__} decorates {wanted}, not {what}; write it above {wanted}")
        return self._decorate(target, self._arguments)

    def init(self) -> None:
        """Take the arguments; a subclass gives it the ones that it wants."""

    @staticmethod
    def _can_decorate(target: Any) -> bool:
        return callable(target) and getattr(target, "is_step", False) is True

    @staticmethod
    @abstractmethod
    def _decorate(target: Any, arguments: "Arguments") -> Any:
        """Note on the target that it is decorated."""


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
        from flowstone_runtime.configs.expressions import resolve

        return attrs.evolve(
            self, args=resolve(tuple(self.args), configs), kwargs=resolve(dict(self.kwargs), configs)
        )
