import pickle
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_client import InvalidConditionError
from flowstone_client.index_rows import SCHEMA
from flowstone_client.where import parse_condition

NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -1.5])
CONSTANTS = NUMBERS.map(repr)
NAMES = st.sampled_from(["a", "b"])
OPERANDS = NAMES | CONSTANTS
SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
COMPARISONS = st.one_of(
    st.builds("{} {} {}".format, OPERANDS, SIGNS, OPERANDS),
    st.builds("{} < {} <= {}".format, OPERANDS, OPERANDS, OPERANDS),
    st.builds("{} in ({}, {})".format, OPERANDS, CONSTANTS, OPERANDS),
    st.builds("{} not in [{}]".format, OPERANDS, CONSTANTS),
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=6,
)


def holds(text, **values):
    """What the index would say of a run with these values."""
    database = sqlite3.connect(":memory:")
    database.executescript(SCHEMA)
    database.execute("INSERT INTO runs (flow, run_id) VALUES ('F', '1')")
    rows = [("F", "1", name, value) for name, value in values.items()]
    database.executemany("INSERT INTO artifacts (flow, run_id, name, value) VALUES (?, ?, ?, ?)", rows)
    condition = parse_condition(text)
    found = database.execute(f"SELECT 1 FROM runs WHERE {condition.sql}", condition.values).fetchall()
    database.close()
    return bool(found)


@given(CONDITIONS, NUMBERS, NUMBERS)
def test_a_condition_means_what_python_means(text, a, b):
    """People write Python, not SQL."""
    assert holds(text, a=a, b=b) == eval(text, {}, {"a": a, "b": b})


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("model == 'tree'", {"model": "tree"}, True),
        ("model in ('tree', 'forest')", {"model": "bush"}, False),
        ("auc > 0.9", {}, False),
        ("not auc > 0.9", {}, False),
        ("not auc > 0.9", {"auc": 0.5}, True),
        ("auc > 0.9", {"auc": "high"}, False),
        ("not auc > 0.9", {"auc": "high"}, False),
        ("auc is None", {}, True),
        ("auc is not None", {"auc": 0.5}, True),
        ("good", {"good": True}, True),
        ("not good", {"good": True}, False),
        ("good == True", {"good": True}, True),
        ("x == -1", {"x": -1}, True),
        ('name == "it\'s"', {"name": "it's"}, True),
    ],
)
def test_what_a_run_does_not_have_is_neither_true_nor_false(text, values, expected):
    """Nor is a comparison of a text with a number."""
    assert holds(text, **values) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "auc >",
        "1; DROP TABLE runs",
        "auc > 0.9) OR (1 = 1",
        "auc > 0.9 -- and more",
        "__import__('os').system('true')",
        "auc.real > 1",
        "auc[0] > 1",
        "auc + 1 > 2",
        "(lambda: 1)()",
        "[x for x in y]",
        "f'{auc}' == 'a'",
        "auc == b'x'",
        "auc is 1",
        "auc in ()",
        "auc in other",
        "auc == 99999999999999999999",
        "auc == None",
        "0.9",
        "(" * 1_000 + "auc" + ")" * 1_000,
        "not " * 600 + "auc",
        "a" * 3_000,
        "auc == '\x00",
        "\ud800 == 1",
    ],
)
def test_anything_else_is_refused_with_one_sentence(text):
    """Before a database sees it."""
    with pytest.raises(InvalidConditionError) as caught:
        parse_condition(text)
    assert "; write one like" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@given(st.text(max_size=40))
def test_no_text_breaks_out(text):
    """Names and constants are never part of the SQL."""
    try:
        condition = parse_condition(f"name == {text!r} or {text}")
    except InvalidConditionError:
        return
    assert set(condition.sql) <= set("() ?=<>'.,_0") | set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
