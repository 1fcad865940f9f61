"""What a step decorator is: plain values, and at most three things that it does.

    @attrs.frozen(kw_only=True)
    class Nice(StepDecorator):
        name: ClassVar[str] = "nice"
        level: int = attrs.field(default=10, converter=int)

        def wrap(self, attempt):
            os.nice(self.level)
            return nullcontext()

    nice = declares(Nice)

`@nice(level=5)` then decorates steps, and the entry point `nice = "my_package:nice"` in the group
`flowstone.decorators` makes `--with nice:level=5` work.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast, overload

import attrs

from flowstone_graph import FlowGraph, Node
from flowstone_interfaces import TaskRequest
from flowstone_runtime.errors import UsageError

if TYPE_CHECKING:
    from flowstone_runtime.decorators.task_attempt import TaskAttempt

Function = TypeVar("Function", bound=Callable[..., Any])
Kind = TypeVar("Kind", bound="StepDecorator")


class StepDecorator:
    """The base of all step decorators: a frozen attrs class whose fields are the options.

    The constructor refuses options that can never work, by a `ValueError` or `TypeError` with one sentence.
    """

    name: ClassVar[str]
    """What it is called in source, without the `@`, and after `--with`."""

    def check(self, graph: FlowGraph, node: Node) -> str | None:
        """What is wrong with decorating this step of this flow, in one sentence; `None` if nothing is."""

    def plan(self, request: TaskRequest) -> TaskRequest:
        """What to ask of the executor; called by the scheduler, once for each step of a run.

        `request` is of no task yet: it has no id and no payload.
        """
        return request

    def wrap(self, attempt: "TaskAttempt") -> AbstractContextManager[Any]:
        """A context around the user's code, in the task's own process. It may swallow an exception.

        The decorator that is written first is the outermost.
        """
        return nullcontext()


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
    """What users write above a step: `@retry`, `@retry()` or `@retry(times=3)`."""

    kind: type[Kind]

    @overload
    def __call__(self, function: Function, /) -> Function: ...
    @overload
    def __call__(self, /, **options: Any) -> Callable[[Function], Function]: ...
    def __call__(self, function: Any = None, /, **options: Any) -> Any:
        """Decorate a step; options by name only."""
        from flowstone_runtime.config_values import is_delayed

        use: Any = DecoratorUse(self.kind, options) if is_delayed(options) else self.build(options)
        if function is not None:
            return _attach(function, use)
        return lambda decorated: _attach(decorated, use)

    def build(self, options: dict[str, Any]) -> Kind:
        """The decorator with these options.

        Raises:
            UsageError: it has no such option, or not with this value.
        """
        fields = {field.name: field for field in attrs.fields(cast("Any", self.kind)) if field.init}
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
            raise UsageError(f"@{self.kind.name}, option {field.name}: {error}") from error


def declares(kind: type[Kind]) -> Declared[Kind]:
    """The decorator that users write, of the class that says what it does."""
    return Declared(kind)


def _attach(function: Any, use: Any) -> Any:
    if not callable(function):
        raise UsageError(f"@{use.name} decorates {function!r}; write it above a step, with options by name only")
    if isinstance(function, type):
        raise UsageError(f"@{use.name} decorates steps, not the class {function.__name__}; write it above a step")
    function.decorators = (*getattr(function, "decorators", ()), use)
    return function
