"""A condition on parameters and artifacts, as one writes it in Python, and as SQLite understands it.

Only what stands below is let through: comparisons of names with constants or names, `in`, `is None`, `and`,
`or`, `not`. Names and constants never become part of the SQL text.
"""

import ast
from typing import Any

import attrs

from flowstone_interfaces import FlowstoneError

_COMPARISONS = {ast.Eq: "=", ast.NotEq: "<>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_LONGEST = 2_000
_VALUE = "(SELECT value FROM artifacts WHERE flow = runs.flow AND run_id = runs.run_id AND name = ?)"
_LARGEST_INTEGER = 2**63 - 1


class InvalidConditionError(FlowstoneError, ValueError):
    """A condition on runs that cannot be understood."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        example = "auc > 0.9 and model == 'tree'"
        return f"the condition {self.text!r:.200} cannot be used: {self.reason}; write one like {example!r}"


@attrs.frozen
class Condition:
    """SQL with question marks, and what stands for them."""

    sql: str
    values: tuple[Any, ...]


def parse_condition(text: str) -> Condition:
    """The SQL of a condition on the table `runs`. What a run does not have makes neither true nor false.

    >>> parse_condition("auc > 0.9").values
    ('auc', 0.9, 'auc', 0.9)

    Raises:
        InvalidConditionError: it is no such condition.
    """
    if len(text) > _LONGEST:
        raise InvalidConditionError(text, f"it has {len(text)} characters, at most {_LONGEST} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _Translation(text).condition(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, InvalidConditionError):
            raise
        raise InvalidConditionError(text, "it is no expression of Python") from error


@attrs.frozen
class _Translation:
    text: str

    def condition(self, node: ast.expr) -> Condition:
        match node:
            case ast.BoolOp():
                word = " AND " if isinstance(node.op, ast.And) else " OR "
                return _joined([self.condition(value) for value in node.values], word)
            case ast.UnaryOp(op=ast.Not()):
                inner = self.condition(node.operand)
                return Condition(f"(NOT {inner.sql})", inner.values)
            case ast.Compare():
                operands = [node.left, *node.comparators]
                pairs = zip(node.ops, operands, operands[1:], strict=False)
                return _joined([self.comparison(*pair) for pair in pairs], " AND ")
            case ast.Name():
                return Condition(f"({_VALUE} <> 0)", (node.id,))
        raise self.refused(node)

    def comparison(self, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> Condition:
        match operator:
            case ast.Is() | ast.IsNot() if isinstance(right, ast.Constant) and right.value is None:
                word = "IS" if isinstance(operator, ast.Is) else "IS NOT"
                operand = self.operand(left)
                return Condition(f"({operand.sql} {word} NULL)", operand.values)
            case ast.In() | ast.NotIn() if isinstance(right, ast.List | ast.Tuple | ast.Set) and right.elts:
                is_equal = _joined([self.comparison(ast.Eq(), left, item) for item in right.elts], " OR ")
                return (
                    is_equal
                    if isinstance(operator, ast.In)
                    else Condition(f"(NOT {is_equal.sql})", is_equal.values)
                )
            case _ if type(operator) in _COMPARISONS:
                return self.compared(_COMPARISONS[type(operator)], self.operand(left), self.operand(right))
        raise self.refused(right)

    def compared(self, sign: str, left: Condition, right: Condition) -> Condition:
        """A comparison that is neither true nor false between a text and a number: SQLite would sort them."""
        same = f"(typeof({left.sql}) = 'text') = (typeof({right.sql}) = 'text')"
        values = (*left.values, *right.values)
        return Condition(f"(CASE WHEN {same} THEN {left.sql} {sign} {right.sql} END)", values + values)

    def operand(self, node: ast.expr) -> Condition:
        match node:
            case ast.Name():
                return Condition(_VALUE, (node.id,))
            case ast.Constant(value=str() | float()):
                return Condition("?", (node.value,))
            case ast.Constant(value=int(value)) if -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
                return Condition("?", (int(value),))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
                inner = self.operand(node.operand)
                return Condition("?", (-inner.values[0],))
        raise self.refused(node)

    def refused(self, node: ast.expr) -> InvalidConditionError:
        return InvalidConditionError(
            self.text,
            f"{ast.unparse(node)!r:.60} is neither a comparison of names, numbers and texts, nor and, or, not",
        )


def _joined(parts: list[Condition], word: str) -> Condition:
    return Condition(
        f"({word.join(part.sql for part in parts)})", tuple(value for part in parts for value in part.values)
    )
