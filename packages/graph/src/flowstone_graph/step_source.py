"""What the source of one step says: its arguments, its docstring and where it leads."""

import ast
import inspect
from types import FunctionType
from typing import NamedTuple

from flowstone_graph.next_call import Complaint, Route, read_next
from flowstone_graph.node import Kind
from flowstone_graph.source import FunctionSource, own_calls

_SWITCH_ADVICE = (
    "call self.next once, as the last statement of the step; to choose the way at run time, use a switch: "
    "self.next({'x': self.a, 'y': self.b}, condition='artifact')"
)


class StepSource(NamedTuple):
    """A step as it is written."""

    route: Route
    """Without targets if it is not known."""
    doc: str
    next_line: int
    """The line of `self.next`; 0 if it has none."""
    is_route_known: bool
    complaints: list[Complaint]


def read_step(source: FunctionSource, function: FunctionType) -> StepSource:
    """Read one step.

    Args:
        source: how it is written.
        function: what became of it; tells generators and coroutines.
    """
    doc = " ".join((ast.get_docstring(source) or "").partition("\n\n")[0].split())
    names = [argument.arg for argument in (*source.args.posonlyargs, *source.args.args)]
    kind = Kind.JOIN if len(names) > 1 else Kind.LINEAR
    unusual = _check_kind_of_function(source, function)
    unclear = _check_arguments(source)
    call = None
    if names:
        call, misplaced = _find_next(source, names[0])
        unclear += misplaced
    if call is None:
        return StepSource(Route(kind), doc, 0, not unclear, unusual + unclear)
    route, complaints = read_next(call, names[0])
    unclear += complaints
    if kind is Kind.JOIN:
        unclear += _check_join(route, call, names[1])
        route = Route(kind, route.targets)
    return StepSource(Route(kind) if unclear else route, doc, call.lineno, not unclear, unusual + unclear)


def _check_join(route: Route, call: ast.Call, inputs_name: str) -> list[Complaint]:
    if route.kind is Kind.LINEAR:
        return []
    what = f"it joins (it takes {inputs_name!r}) and starts a {route.kind.value} at once"
    advice = "lead to one step, and split there; drop the argument if it is no join"
    return [Complaint("join-splits", call.lineno, what, advice)]


def _check_kind_of_function(source: FunctionSource, function: FunctionType) -> list[Complaint]:
    flags = function.__code__.co_flags
    if flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        return [
            Complaint(
                "async-step",
                source.lineno,
                "it is an async function",
                "write `def`, and call asyncio.run in the step",
            )
        ]
    if flags & inspect.CO_GENERATOR:
        return [
            Complaint(
                "generator-step",
                source.lineno,
                "it yields, so that calling it would run nothing",
                "move the generator into a function of its own, and use it in the step",
            )
        ]
    return []


def _check_arguments(source: FunctionSource) -> list[Complaint]:
    arguments = source.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    advice = "write `def step(self)`, or `def step(self, inputs)` for a join"
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        what = "it takes keyword-only arguments, * or **, which nobody passes to a step"
        return [Complaint("step-arguments", source.lineno, what, advice)]
    if positional == 0:
        return [Complaint("missing-self", source.lineno, "it takes no argument, not even self", advice)]
    if positional > 2:
        return [Complaint("too-many-arguments", source.lineno, f"it takes {positional} arguments", advice)]
    return []


def _find_next(source: FunctionSource, self_name: str) -> tuple[ast.Call | None, list[Complaint]]:
    """The one call of `self.next`, the last statement; or what is wrong with the calls there are."""

    def is_next(call: ast.Call) -> bool:
        function = call.func
        return (
            isinstance(function, ast.Attribute)
            and function.attr == "next"
            and isinstance(function.value, ast.Name)
            and function.value.id == self_name
        )

    calls = list(own_calls(source, is_next, self_name))
    if not calls:
        return None, []
    call = calls[0]
    if len(calls) > 1:
        what = f"self.next is called {len(calls)} times"
        return None, [Complaint("several-nexts", calls[1].lineno, what, _SWITCH_ADVICE)]
    last = source.body[-1]
    if isinstance(last, ast.Expr) and last.value is call:
        return call, []
    statement = next(statement for statement in source.body if call in ast.walk(statement))
    if isinstance(statement, ast.Expr) and statement.value is call:
        code, what = "next-not-last", "self.next is not the last statement"
    elif hasattr(statement, "body") or hasattr(statement, "cases"):
        keyword = ast.unparse(statement).split()[0].rstrip(":")
        code, what = "nested-next", f"self.next is called inside another statement ({keyword})"
    else:
        code, what = "next-not-statement", "self.next is part of another expression or statement"
    return None, [Complaint(code, call.lineno, what, _SWITCH_ADVICE)]
