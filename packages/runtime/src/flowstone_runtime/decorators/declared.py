"""What users write to decorate a step or a flow: `@retry`, `@retry(times=3)`, `@project(name="demo")`."""

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar, cast, overload

import attrs

from flowstone_runtime.errors import UsageError

Target = TypeVar("Target", bound=Callable[..., Any])
Kind = TypeVar("Kind", bound="Decorator")


class Decorator:
    """The base of what decorates steps and flows: a frozen attrs class whose fields are the options.

    The constructor refuses options that can never work, by a `ValueError` or `TypeError` with one sentence.
    """

    name: ClassVar[str]
    """What it is called in source, without the `@`."""

    @staticmethod
    def attach(target: Any, use: Any) -> Any:
        """Note on the decorated thing that `use` decorates it; the thing.

        Raises:
            UsageError: such a thing cannot be decorated so.
        """
        raise NotImplementedError


@attrs.frozen
class DecoratorUse(Generic[Kind]):
    """A decorator with options that are known only when the flow's configs are read."""

    kind: type[Kind]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """The decorator's name."""
        return self.kind.name


@attrs.frozen
class Declared(Generic[Kind]):
    """What stands above a step or a flow: `@retry`, `@retry()` or `@retry(times=3)`."""

    kind: type[Kind]

    @overload
    def __call__(self, target: Target, /) -> Target: ...
    @overload
    def __call__(self, /, **options: Any) -> Callable[[Target], Target]: ...
    def __call__(self, target: Any = None, /, **options: Any) -> Any:
        """Decorate; options by name only."""
        from flowstone_runtime.configs.expressions import is_delayed

        use: Any = DecoratorUse(self.kind, options) if is_delayed(options) else self.build(options)
        if target is not None:
            return self.kind.attach(target, use)
        return lambda decorated: self.kind.attach(decorated, use)

    def build(self, options: dict[str, Any]) -> Kind:
        """The decorator with these options.

        Raises:
            UsageError: it has no such option, or not with this value.
        """
        fields = {field.alias: field for field in attrs.fields(cast("Any", self.kind)) if field.init}
        unknown = sorted(set(options) - set(fields))
        if unknown:
            has = f"it has {', '.join(fields)}" if fields else "it has none"
            raise UsageError(f"@{self.kind.name} has no option {', '.join(map(repr, unknown))}; {has}")
        for name, value in options.items():
            self._check_option(fields[name], value)
        try:
            return self.kind(**options)
        except (TypeError, ValueError) as error:
            raise UsageError(f"@{self.kind.name}: {error}") from error

    def _check_option(self, field: "attrs.Attribute[Any]", value: Any) -> None:
        """Say which option it is that cannot be converted: a converter is not told."""
        convert: Any = field.converter
        try:
            if convert is not None:
                convert(value)
        except (TypeError, ValueError) as error:
            raise UsageError(f"@{self.kind.name}, option {field.alias}: {error}") from error


def declares(kind: type[Kind]) -> Declared[Kind]:
    """The decorator that users write, of the class that says what it does."""
    return Declared(kind)


def options_of(use: Any) -> dict[str, Any]:
    """The options of a decorator, or of a use of one, that are not at their default."""
    if isinstance(use, DecoratorUse):
        return dict(use.options)
    found = {}
    for field in attrs.fields(type(use)):
        value = getattr(use, field.name)
        default = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]  # what attrs says of it is a function
        if field.init and value != default:
            found[field.alias or field.name] = value
    return found
