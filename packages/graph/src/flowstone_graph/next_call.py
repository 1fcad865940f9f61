"""What a call of `self.next` says, read from its source without running it.

The forms, of which each step has one:

    self.next(self.a)                                               one step
    self.next(self.a, self.b)                                       a static split
    self.next(self.a, foreach="items")                              one task per item
    self.next(self.a, num_parallel=n)                               n tasks at the same time
    self.next({"x": self.a, "y": self.b}, condition="artifact")     one of several steps
"""

import ast
from typing import NamedTuple

from flowstone_graph.node import CaseExpression, CaseKey, Kind

FORMS = (
    "write self.next(self.a), self.next(self.a, self.b), self.next(self.a, foreach='items'), "
    "self.next(self.a, num_parallel=n) or self.next({'x': self.a, 'y': self.b}, condition='artifact')"
)


class Route(NamedTuple):
    """Where a step leads, and how: the fields of a `Node` that its `self.next` decides."""

    kind: Kind = Kind.LINEAR
    targets: tuple[str, ...] = ()
    foreach: str | None = None
    num_parallel: bool = False
    condition: str | None = None
    cases: tuple[tuple[CaseKey, str], ...] = ()


class Complaint(NamedTuple):
    """What is wrong with a piece of source: a fault that does not know its step yet."""

    code: str
    line: int
    what: str
    advice: str


def read_next(call: ast.Call, self_name: str) -> tuple[Route, list[Complaint]]:
    """The route that a call of `self.next` describes; it means nothing if there are complaints.

    Args:
        call: the call.
        self_name: what the step calls its first argument.
    """
    reader = _Reader(self_name)
    return reader.read(call), reader.complaints


class _Reader:
    """Reads one call, collecting complaints on the way."""

    def __init__(self, self_name: str) -> None:
        self._self_name = self_name
        self.complaints: list[Complaint] = []

    def read(self, call: ast.Call) -> Route:
        options = self._options(call)
        foreach = self._name_option(options, "foreach")
        condition = self._name_option(options, "condition")
        if not call.args:
            self._complain("no-target", call, "self.next names no step", FORMS)
        elif isinstance(call.args[0], ast.Dict):
            return self._switch(call, call.args[0], condition, options)
        elif "condition" in options:
            self._complain(
                "condition-without-cases",
                call,
                "self.next has a condition but no cases",
                "write self.next({'x': self.a, 'y': self.b}, condition='artifact')",
            )
        targets = tuple(self._target(argument) for argument in call.args)
        if len(set(targets)) < len(targets):
            self._complain("duplicate-target", call, "self.next names a step twice", "name each step once")
        if "foreach" not in options and "num_parallel" not in options:
            return Route(Kind.SPLIT if len(targets) > 1 else Kind.LINEAR, targets)
        if "foreach" in options and "num_parallel" in options:
            self._complain(
                "foreach-and-parallel",
                call,
                "self.next has both foreach and num_parallel",
                "leave out one of them",
            )
        if len(targets) > 1:
            self._complain(
                "foreach-several-targets",
                call,
                f"a foreach or num_parallel leads to one step, this one to {len(targets)}",
                "lead to one step, and split there",
            )
        return Route(Kind.FOREACH, targets, foreach, "num_parallel" in options)

    def _options(self, call: ast.Call) -> dict[str, ast.expr]:
        """The keyword arguments; one that is `None` is as good as none."""
        options: dict[str, ast.expr] = {}
        for keyword in call.keywords:
            if keyword.arg not in {"foreach", "num_parallel", "condition"}:
                shown = "**" if keyword.arg is None else f"{keyword.arg}="
                self._complain("unknown-option", keyword.value, f"self.next has no option {shown}", FORMS)
            elif not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None):
                options[keyword.arg] = keyword.value
        return options

    def _name_option(self, options: dict[str, ast.expr], option: str) -> str | None:
        """The artifact that `foreach` or `condition` names."""
        value = options.get(option)
        if value is None:
            return None
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.isidentifier():
            return value.value
        self._complain(
            f"{option}-not-literal",
            value,
            f"{option}={ast.unparse(value)} is not the name of an artifact, in quotes",
            f"assign it to an artifact first (self.items = ...) and write {option}='items'",
        )
        return None

    def _target(self, argument: ast.expr) -> str:
        """The step that `self.a` names."""
        if isinstance(argument, ast.Attribute) and self._is_self(argument.value):
            return argument.attr
        shown = ast.unparse(argument)
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            self._complain(
                "target-string",
                argument,
                f"self.next takes steps, not the names of steps: {shown}",
                f"write self.{argument.value} instead",
            )
        else:
            self._complain("target-not-step", argument, f"self.next does not understand the target {shown}", FORMS)
        return shown

    def _switch(
        self, call: ast.Call, cases: ast.Dict, condition: str | None, options: dict[str, ast.expr]
    ) -> Route:
        if "condition" not in options:
            self._complain(
                "cases-without-condition",
                call,
                "self.next has cases but no condition",
                "add condition='artifact', the name of the artifact whose value chooses",
            )
        if not cases.keys:
            self._complain("no-cases", call, "the switch has no cases", FORMS)
        if len(call.args) > 1 or "foreach" in options or "num_parallel" in options:
            self._complain(
                "switch-and-more",
                call,
                "a switch does nothing else: it has no further targets, no foreach and no num_parallel",
                "switch here, and split in the step that it leads to",
            )
        pairs: list[tuple[CaseKey, str]] = []
        for key, value in zip(cases.keys, cases.values, strict=True):
            read = self._case_key(key, value)
            if any(read == known for known, _ in pairs):
                self._complain(
                    "duplicate-case",
                    value,
                    f"the case {ast.unparse(key or value)} stands twice, and the first would be ignored",
                    "drop one of them",
                )
            pairs.append((read, self._target(value)))
        targets = tuple(dict.fromkeys(target for _, target in pairs))
        return Route(Kind.SWITCH, targets, condition=condition, cases=tuple(pairs))

    def _case_key(self, key: ast.expr | None, value: ast.expr) -> CaseKey:
        """A constant, or something that hangs on `self`."""
        if isinstance(key, ast.Attribute | ast.Subscript) and self._hangs_on_self(key):
            return CaseExpression("self" + ast.unparse(key).removeprefix(self._self_name))
        try:
            constant = ast.literal_eval(key) if key is not None else ...
        except (ValueError, TypeError):
            constant = ...
        if constant is None or isinstance(constant, str | int | float):
            return constant
        shown = ast.unparse(key) if key is not None else "**"
        self._complain(
            "case-not-constant",
            key or value,
            f"the case {shown} is neither a constant nor something like self.config.mode",
            "use a string, a number, True, False or None",
        )
        return CaseExpression(shown)

    def _hangs_on_self(self, key: ast.expr) -> bool:
        while isinstance(key, ast.Attribute) or (
            isinstance(key, ast.Subscript) and isinstance(key.slice, ast.Constant)
        ):
            key = key.value
        return self._is_self(key)

    def _is_self(self, value: ast.expr) -> bool:
        return isinstance(value, ast.Name) and value.id == self._self_name

    def _complain(self, code: str, where: ast.expr, what: str, advice: str) -> None:
        self.complaints.append(Complaint(code, where.lineno, what, advice))
