"""`where`: a small part of Python, filter lists as pyarrow takes them, or an expression of pyarrow's."""

import ast
import contextlib
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from flowstone_datastore.tables.errors import InvalidWhereError, UnknownColumnError

Where: TypeAlias = "str | list[Any] | ds.Expression | None"

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def expression_of(where: Where, schema: pa.Schema, url: str) -> ds.Expression | None:
    """The condition as pyarrow's, for a table with this schema; `None` if every row is wanted.

    Raises:
        UnknownColumnError: it names a column that is not there.
        InvalidWhereError: it is no condition, or compares what cannot be compared.
    """
    if where is None:
        return None
    if isinstance(where, str):
        expression = _Translation(where, schema, url).expression()
    elif isinstance(where, list | tuple):
        try:
            expression = pq.filters_to_expression(where)
        except (ValueError, TypeError, pa.ArrowException) as error:
            raise InvalidWhereError(str(where), str(error)) from error
    elif isinstance(where, ds.Expression):
        expression = where
    else:
        raise InvalidWhereError(repr(where)[:80], f"it is a {type(where).__name__}")
    _check(expression, schema, where, url)
    return expression


def columns_in(expression: ds.Expression | None, schema: pa.Schema) -> list[str]:
    """The columns that a condition looks at: those without which it has no meaning."""
    if expression is None:
        return []
    text = str(expression)
    table = schema.empty_table()
    return [
        name for name in schema.names if name in text and not _can_filter(table.drop_columns([name]), expression)
    ]


def _can_filter(table: pa.Table, expression: ds.Expression) -> bool:
    try:
        table.filter(expression)
    except (pa.ArrowException, KeyError):
        return False
    return True


def _check(expression: ds.Expression, schema: pa.Schema, where: Where, url: str) -> None:
    try:
        schema.empty_table().filter(expression)
    except (pa.ArrowException, KeyError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        missing = reason.partition("FieldRef.Name(")[2].partition(")")[0]
        if missing and missing not in schema.names:
            raise UnknownColumnError(url, missing, schema.names) from error
        raise InvalidWhereError(str(where), reason) from error


class _Translation:
    """A text -> an expression. Nothing of it is ever run."""

    def __init__(self, where: str, schema: pa.Schema, url: str) -> None:
        self._where = where
        self._schema = schema
        self._url = url

    def expression(self) -> ds.Expression:
        try:
            tree = ast.parse(self._where.strip(), mode="eval")
        except (SyntaxError, ValueError) as error:
            raise InvalidWhereError(self._where, "it is no expression of Python") from error
        return self._condition(tree.body)

    def _condition(self, node: ast.expr) -> ds.Expression:
        if isinstance(node, ast.BoolOp):
            parts = [self._condition(value) for value in node.values]
            found = parts[0]
            for part in parts[1:]:
                found = found & part if isinstance(node.op, ast.And) else found | part
            return found
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self._condition(node.operand)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Name):
            return self._column(node)
        raise self._refused(node)

    def _comparison(self, node: ast.Compare) -> ds.Expression:
        found = None
        sides = [node.left, *node.comparators]
        for left, operation, right in zip(sides, node.ops, sides[1:], strict=False):
            part = self._compared(left, operation, right)
            found = part if found is None else found & part
        assert found is not None, "a comparison compares something"
        return found

    def _compared(self, left: ast.expr, operation: ast.cmpop, right: ast.expr) -> ds.Expression:
        kind = self._type_of(left) or self._type_of(right)
        if isinstance(operation, ast.In | ast.NotIn) and isinstance(left, ast.Name):
            found = self._column(left).isin(self._several(right, kind))
            return ~found if isinstance(operation, ast.NotIn) else found
        if isinstance(operation, ast.Is | ast.IsNot) and isinstance(right, ast.Constant) and right.value is None:
            found = self._value(left, kind).is_null()
            return ~found if isinstance(operation, ast.IsNot) else found
        if type(operation) not in _COMPARE:
            raise self._refused(operation)
        compared: ds.Expression = _COMPARE[type(operation)](self._value(left, kind), self._value(right, kind))
        return compared

    def _value(self, node: ast.expr, kind: pa.DataType | None) -> ds.Expression:
        return self._column(node) if isinstance(node, ast.Name) else pc.scalar(self._scalar(node, kind))

    def _column(self, node: ast.Name) -> ds.Expression:
        if node.id not in self._schema.names:
            raise UnknownColumnError(self._url, node.id, self._schema.names)
        return ds.field(node.id)

    def _several(self, node: ast.expr, kind: pa.DataType | None) -> pa.Array:
        if not isinstance(node, ast.List | ast.Tuple | ast.Set):
            raise self._refused(node)
        scalars = [self._scalar(item, kind) for item in node.elts]
        return pa.array([scalar.as_py() for scalar in scalars], type=kind)

    def _scalar(self, node: ast.expr, kind: pa.DataType | None) -> pa.Scalar:
        try:
            scalar = pa.scalar(ast.literal_eval(node))
        except (ValueError, TypeError, pa.ArrowException) as error:
            raise self._refused(node) from error
        # A date is written as a text. Numbers are left alone: 2.5 is not 2, whatever the column holds.
        if kind is None or not (pa.types.is_string(scalar.type) and pa.types.is_temporal(kind)):
            return scalar
        try:
            return _moment(scalar, kind)
        except pa.ArrowException as error:
            raise InvalidWhereError(self._where, f"{scalar.as_py()!r} is no {kind}") from error

    def _type_of(self, node: ast.expr) -> pa.DataType | None:
        """Of a column; of its values, if they are kept by number."""
        if not isinstance(node, ast.Name) or node.id not in self._schema.names:
            return None
        kind = self._schema.field(node.id).type
        return kind.value_type if pa.types.is_dictionary(kind) else kind

    def _refused(self, node: ast.AST) -> InvalidWhereError:
        shown = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
        return InvalidWhereError(self._where, f"{shown!r} has no meaning here")


def _moment(text: pa.Scalar, kind: pa.DataType) -> pa.Scalar:
    """A date or a time that is written as a text; without an offset, it is in the column's time zone."""
    if pa.types.is_timestamp(kind) and kind.tz:
        with contextlib.suppress(pa.ArrowException):
            return pc.assume_timezone(text.cast(pa.timestamp(kind.unit)), kind.tz)
    return text.cast(kind)
