"""A class's source -> its graph.

No step is run and no flowstone runtime is needed: the class is any class whose
steps are functions that carry the marks of `StepFunction`.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any, NamedTuple, Protocol

from flowstone_graph.check import check_graph
from flowstone_graph.ends import choose_end
from flowstone_graph.fault import Fault, InvalidFlowError, in_order
from flowstone_graph.flow_graph import FlowGraph
from flowstone_graph.node import Kind, Node
from flowstone_graph.source import MissingSource, Sources
from flowstone_graph.step_checks import check_parallel_decorators
from flowstone_graph.step_source import read_step


class StepFunction(Protocol):
    """What makes a function of a class a step: marks that the runtime's `@step` leaves on it.

    Only `is_step` is required. A decorator that wraps a step has to carry the
    marks over, as `functools.wraps` does, and to leave `__wrapped__` behind.
    """

    is_step: bool
    """Always True."""
    is_start: bool
    """True if the flow starts here, whatever the step is called."""
    is_end: bool
    """True if the flow ends here, whatever the step is called."""
    decorators: tuple[Any, ...]
    """What else decorates the step. Opaque, but for one: a value with the `name` "parallel" is @parallel."""


class _Step(NamedTuple):
    """A step that has been read."""

    node: Node
    faults: list[Fault]
    is_route_known: bool
    is_start: bool
    is_end: bool
    class_line: int = 0
    """The line of the class it is written in; 0 if that is not known."""


def parse_flow(flow: type, decorators: Mapping[str, tuple[Any, ...]] | None = None) -> FlowGraph:
    """The graph of a class.

    Steps are inherited, from other files too, and may be overridden. They stand in
    the order of their declaration, those of base classes first. The flow starts at
    the step marked `is_start`, else at the one called `start`; likewise its end; a
    single step is both.

    Args:
        flow: the class.
        decorators: those of steps that count in place of the ones that their functions carry.

    Raises:
        InvalidFlowError: the class is no flow that could run; it names every fault.
    """
    sources = Sources()
    given = decorators or {}
    steps = [
        _read(name, function, given.get(name, tuple(getattr(function, "decorators", ()))), sources)
        for name, function in step_functions(flow).items()
    ]
    nodes = tuple(step.node for step in steps)
    file, line = _place(flow, steps)
    start, start_faults = choose_end("start", [step.node for step in steps if step.is_start], nodes, file, line)
    end, end_faults = choose_end("end", [step.node for step in steps if step.is_end], nodes, file, line)
    broken = frozenset(step.node.name for step in steps if not step.is_route_known)
    faults = [
        *_one_per_missing_source(fault for step in steps for fault in step.faults),
        *(
            [Fault("no-steps", None, file, line, "it has no steps", "decorate methods with @step")]
            if not steps
            else []
        ),
        *start_faults,
        *end_faults,
        *check_graph(nodes, start, end, broken),
        *check_parallel_decorators(nodes),
    ]
    if faults or start is None or end is None:
        raise InvalidFlowError(flow.__name__, in_order(faults))
    return FlowGraph(flow.__name__, nodes, start, end, inspect.cleandoc(flow.__doc__ or ""), file)


def step_functions(flow: type) -> dict[str, Any]:
    """The steps of a class by name: as Python finds them, in the order of declaration."""
    names = dict.fromkeys(name for owner in reversed(flow.__mro__) for name in vars(owner))
    found = ((name, inspect.getattr_static(flow, name)) for name in names)
    return {name: value for name, value in found if getattr(value, "is_step", False) is True}


def _read(name: str, function: Any, decorators: tuple[Any, ...], sources: Sources) -> _Step:
    """One step of a class, with all that is wrong with how it is written."""
    marks = {
        "is_start": bool(getattr(function, "is_start", False)),
        "is_end": bool(getattr(function, "is_end", False)),
    }
    written = inspect.unwrap(function)
    if not isinstance(written, FunctionType):
        fault = Fault("no-source", name, "", 0, f"{written!r} is no function", "write the step with `def`")
        return _Step(Node(name, Kind.LINEAR, decorators=decorators), [fault], is_route_known=False, **marks)
    file, line = written.__code__.co_filename, written.__code__.co_firstlineno
    found = sources.find(written)
    if isinstance(found, MissingSource):
        fault = Fault("no-source", name, file, line, found.what, found.advice)
        node = Node(name, Kind.LINEAR, decorators=decorators, file=file, line=line)
        return _Step(node, [fault], is_route_known=False, **marks)
    source = read_step(found.function, written)
    node = Node(
        name,
        **source.route._asdict(),
        doc=source.doc,
        decorators=decorators,
        file=file,
        line=found.function.lineno,
        next_line=source.next_line,
    )
    faults = [
        Fault(complaint.code, name, file, complaint.line, complaint.what, complaint.advice)
        for complaint in source.complaints
    ]
    return _Step(node, faults, class_line=found.class_line, is_route_known=source.is_route_known, **marks)


def _place(flow: type, steps: list[_Step]) -> tuple[str, int]:
    """The file and the line of a class; 0 for a line that cannot be told."""
    for step in steps:
        if step.node.name in vars(flow) and step.class_line:
            return step.node.file, step.class_line
    module = sys.modules.get(flow.__module__)
    return getattr(module, "__file__", None) or "", vars(flow).get("__firstlineno__", 0)


def _one_per_missing_source(faults: Iterable[Fault]) -> Iterator[Fault]:
    """A file that cannot be read is one fault, however many steps are in it."""
    missing: set[str] = set()
    for fault in faults:
        if fault.code != "no-source" or fault.file not in missing:
            yield fault
        if fault.code == "no-source" and fault.file:
            missing.add(fault.file)
