"""Types of the standard library of which a canonical form knows more than their pickles say."""

from flowstone_datastore.canonical_form import GLOBAL


def named(module: str, name: str) -> bytes:
    """The token of what has this name in this module."""
    texts = [b"\x8c" + bytes((len(text),)) + text.encode() for text in (module, name)]
    return GLOBAL + b"".join(texts)


DEFAULTDICT = named("collections", "defaultdict")
"""A dict that others fill and that has no order, either."""

VALUE_TYPES = frozenset(
    named(*name.split())
    for name in (
        "builtins complex",
        "builtins range",
        "datetime date",
        "datetime datetime",
        "datetime time",
        "datetime timedelta",
        "datetime timezone",
        "decimal Decimal",
        "fractions Fraction",
    )
)
"""Types that nobody can change an instance of: two equal ones are as good as one."""
