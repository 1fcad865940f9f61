"""Changes of a class that can be taken back."""

from typing import Any

from flowstone_interfaces.python_310 import Self

_NOTHING: Any = object()


class RemovedParameter:
    """In place of a parameter that a class inherits and a mutator removed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, flow: Any, owner: type) -> Self:
        if flow is None:
            return self
        raise AttributeError(f"{owner.__name__}.{self._name} was a parameter that a mutator has removed")


class ClassChanges:
    """What was set on and removed from one class, and what had been there."""

    def __init__(self, owner: type) -> None:
        self._owner = owner
        self._before: dict[str, Any] = {}

    def set(self, name: str, value: Any) -> None:
        """Set a class attribute."""
        self._before.setdefault(name, vars(self._owner).get(name, _NOTHING))
        setattr(self._owner, name, value)

    def remove(self, name: str) -> None:
        """Have the class be without the attribute, also where it is inherited."""
        self._before.setdefault(name, vars(self._owner).get(name, _NOTHING))
        if name in vars(self._owner):
            delattr(self._owner, name)
        if any(name in vars(base) for base in self._owner.__mro__):
            setattr(self._owner, name, RemovedParameter(name))

    def undo(self) -> None:
        """Make the class what it was."""
        for name, value in self._before.items():
            if name in vars(self._owner):
                delattr(self._owner, name)
            if value is not _NOTHING:
                setattr(self._owner, name, value)
        self._before = {}
