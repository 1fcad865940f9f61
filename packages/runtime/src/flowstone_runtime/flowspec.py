"""What people write: a class of steps.

    class Hello(FlowSpec):
        @step
        def start(self):
            self.greeting = "hello"
            self.next(self.end)

        @step
        def end(self):
            print(self.greeting)

Attributes set in a step are its artifacts: stored when it ends, and there in every
step that follows.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from flowstone_runtime.errors import ReadOnlyAttributeError, UsageError

if TYPE_CHECKING:
    from flowstone_runtime.tasks.inputs import Inputs
    from flowstone_runtime.tasks.task_context import TaskContext

F = TypeVar("F", bound=Callable[..., Any])

_NOTHING: Any = object()


@overload
def step(function: F) -> F: ...
@overload
def step(*, start: bool = False, end: bool = False) -> Callable[[F], F]: ...
def step(function: F | None = None, *, start: bool = False, end: bool = False) -> F | Callable[[F], F]:
    """Mark a method as a step of its flow.

    `@step(start=True)` and `@step(end=True)` let a flow begin and end with steps of
    other names than `start` and `end`.
    """

    def mark(marked: F) -> F:
        vars(marked).update(is_step=True, is_start=start, is_end=end)
        return marked

    return mark if function is None else mark(function)


def _no_command_line(flow: "type[FlowSpec]") -> None:
    raise UsageError(
        f"{flow.__name__}() starts a command line, and none is loaded; import flowstone_runtime first"
    )


class FlowSpec:
    """The base of every flow.

    `Train()` at the end of a file is its command line. In a task, `self` gives
    artifacts, parameters, `self.input` and `self.index` of a foreach, and takes what
    the next steps need.
    """

    _flowstone_context: "TaskContext | None" = None
    _flowstone_command_line: ClassVar[Any] = staticmethod(_no_command_line)
    """What `Train()` starts; set by whoever imports both: a command line needs flows, not the reverse."""
    _flowstone_configs: ClassVar[Mapping[str, Any]] = {}
    """Attribute to value of the configs, once they are read; see config.py."""
    _flowstone_delayed: ClassVar[Mapping[str, Any]] = {}
    """The constants that a config gives, as they were written."""
    _flowstone_mutators: ClassVar[tuple[Any, ...]] = ()
    """What changes this very class before it runs; those of base classes are theirs."""
    _flowstone_decorators: ClassVar[tuple[Any, ...]] = ()
    """What decorates this very class; what decorates base classes is theirs."""
    _FLOWSTONE_NAMES: ClassVar[frozenset[str]] = frozenset({"_flowstone_context"})

    def __init__(self, use_cli: bool = True) -> None:
        if use_cli:
            self._flowstone_command_line(type(self))

    # What a step says and asks

    def next(
        self,
        *targets: Callable[..., Any] | Mapping[Any, Callable[..., Any]],
        foreach: str | None = None,
        num_parallel: int | None = None,
        condition: str | None = None,
    ) -> None:
        """Say which steps follow; the last statement of every step but the last.

        `self.next(self.a)`; `self.next(self.a, self.b)` to run both;
        `self.next(self.a, foreach="items")` to run `a` once for each item of
        `self.items`; `self.next({"x": self.a, "y": self.b}, condition="kind")` to run
        the one that `self.kind` names.

        Raises:
            InvalidNextError: what the step set cannot be followed.
        """
        self._context("self.next").leave(self, targets, foreach, num_parallel, condition)

    @property
    def input(self) -> Any:
        """The item of the innermost foreach that this task is for; `None` outside of one."""
        return self._context("self.input").foreach_input()

    @property
    def index(self) -> int | None:
        """The position of `input`, from 0; `None` outside of a foreach."""
        stack = self._context("self.index").stack
        return stack[-1].index if stack else None

    def foreach_stack(self) -> list[tuple[int, int, Any]]:
        """One `(index, number of items, item)` for each foreach around this task, outermost first."""
        return self._context("self.foreach_stack").foreach_stack()

    def merge_artifacts(
        self,
        inputs: "Inputs",
        exclude: Iterable[str] | None = None,
        include: Iterable[str] | None = None,
    ) -> None:
        """In a join: take over every artifact on which the branches agree.

        Artifacts are compared by content and passed on without being loaded. What is set
        on `self` before the call is left alone. Of a foreach without items, what was there before it goes on.

        Raises:
            MergeConflictError: branches disagree; nothing is taken over.
            MissingInMergeError: `include` names an artifact that no branch has.
            UsageError: not in a join, or both `include` and `exclude` are given.
        """
        from flowstone_runtime.tasks.merge import merge_artifacts

        merge_artifacts(self, self._context("self.merge_artifacts"), inputs, exclude, include)

    @property
    def name(self) -> str:
        """The flow's name: that of its class."""
        return type(self).__name__

    @property
    def script_name(self) -> str:
        """The file name of the flow."""
        import inspect
        from pathlib import Path

        return Path(inspect.getfile(type(self))).name

    # Attributes are artifacts

    def __getattr__(self, name: str) -> Any:
        if any(name in vars(base) for base in type(self).__mro__):
            # A property that failed with an AttributeError: Python asks here instead of telling. Have it told.
            return object.__getattribute__(self, name)
        context = self._flowstone_context
        if context is None or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = context.read(name)
        object.__setattr__(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        kind = _kind_of_class_attribute(type(self), name)
        if kind is not None:
            raise ReadOnlyAttributeError(type(self).__name__, name, kind)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        context = self._flowstone_context
        is_inherited = context is not None and context.forget(name)
        if name in vars(self) or not is_inherited:
            object.__delattr__(self, name)

    def __getstate__(self) -> Any:
        raise UsageError(
            f"{type(self).__name__} itself cannot be stored (self.x = self, a bound method of self, a branch of "
            "inputs); store the artifacts you need from it"
        )

    def _context(self, what: str) -> "TaskContext":
        if self._flowstone_context is None:
            raise UsageError(f"{what} has a meaning inside a running step only")
        return self._flowstone_context


def constants_of(flow: type[FlowSpec]) -> dict[str, Any]:
    """The class attributes that are data: stored once for each run, read-only in steps; configs are among them."""
    from flowstone_runtime.configs.expressions import DelayedValue, resolve

    own = set(vars(FlowSpec))
    names = {name for base in flow.__mro__ if issubclass(base, FlowSpec) for name in vars(base)} - own
    configs = flow._flowstone_configs  # noqa: SLF001 - its own
    data = {name: value for name in sorted(names) if is_constant(name, value := getattr(flow, name))}
    for name, value in data.items():
        if configs or isinstance(value, DelayedValue):  # without configs, nobody need look into what may be large
            data[name] = resolve(value, configs)
    return {**data, **configs}


def is_constant(name: str, value: Any) -> bool:
    """True for a class attribute that counts as data of the flow: public, and no code."""
    from flowstone_runtime.parameters.parameter import Parameter

    if name.startswith("_") or isinstance(value, type | property | Parameter):
        return False
    return not callable(value) and not hasattr(value, "__get__")


def _kind_of_class_attribute(flow: type, name: str) -> str | None:
    """What stands in the way of `self.<name> = ...`, in a word; `None` if nothing does.

    Whatever the class defines does: it would hide the value in the next step.
    """
    value = next((vars(base)[name] for base in flow.__mro__ if name in vars(base)), _NOTHING)
    if value is _NOTHING or _takes_assignment(value):
        return None
    if getattr(value, "is_step", False) is True:  # of a value that a config gives, every attribute is something
        return "step"
    if is_constant(name, value):
        return "constant"
    if isinstance(value, property | cached_property):
        return "property"
    return "method" if callable(value) or hasattr(value, "__get__") else "class attribute"


def _takes_assignment(value: Any) -> bool:
    """True for a parameter, which refuses by itself, and for descriptors that take care of the value."""
    return value.fset is not None if isinstance(value, property) else hasattr(type(value), "__set__")
