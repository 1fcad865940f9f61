"""The canonical form of a value: a text that does not depend on the order of its sets and dicts.

FORMAT.md says what it looks like. It is made of tokens, each of which says by itself where it ends, so that
two different values never have one form.
"""

from collections.abc import Iterator
from typing import TypeAlias

from blake3 import blake3

WHOLE_TOKEN = 64
"""Bytes. What is longer enters by its hash, so that a token costs the same however deep it stands."""

DICT, LIST, SET, FROZENSET, TUPLE, BYTEARRAY = b"}", b"]", b"\x8f", b"\x91", b"(", b"\x96"
CALLED, MADE, MADE_WITH_NAMES = b"R", b"\x81", b"\x92"
GLOBAL, BUFFER, READ_ONLY, HASH, ALIAS, END = b"\x93", b"\x97", b"\x98", b"#", b"^", b"."
APPENDED, ASSIGNED, ADDED, BUILT, SET_UP = b"e", b"u", b"a", b"b", b"0"

_WIDTHS = {DICT: 2, SET: 1, FROZENSET: 1}
"""Of what has no order: how many values are one item."""


class Node:
    """A value that can be changed, or that holds one: whether two are the same object makes a difference."""

    __slots__ = ("children", "head", "token")

    def __init__(self, head: bytes, children: "list[Value]") -> None:
        self.head = head
        self.children = children
        self.token = b""
        """What it holds, others by their content; empty until it is complete."""

    def complete(self) -> None:
        """Take note that nothing more will be put in."""
        tokens = [
            child if isinstance(child, bytes) else child.token or completed(child) for child in self.children
        ]
        if self.head == DICT:
            pairs = iter(tokens)
            tokens = sorted(map(bytes.__add__, pairs, pairs))
        elif self.head in _WIDTHS:
            tokens.sort()
        self.token = short(self.head + b"".join(tokens) + END)

    def in_order(self) -> "list[Value]":
        """What it holds, in an order that does not depend on how it was filled."""
        width = _WIDTHS.get(self.head)
        if width is None:
            return self.children
        items = [self.children[start : start + width] for start in range(0, len(self.children), width)]
        items.sort(key=lambda item: [value if isinstance(value, bytes) else value.token for value in item])
        return [value for item in items for value in item]


Value: TypeAlias = bytes | Node
"""A value that nobody can change is its token."""


def walk(root: Node) -> Iterator[bytes]:
    """A value in which something is held twice: each node when it is first met, then by its number."""
    numbers: dict[int, int] = {}
    pending: list[Value] = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, Node) and value.head == ALIAS:
            (value,) = value.children
        if isinstance(value, bytes):
            yield value
        elif id(value) in numbers:
            yield ALIAS + numbers[id(value)].to_bytes(4, "big")
        else:
            numbers[id(value)] = len(numbers)
            yield value.head
            pending.append(END)
            pending += reversed(value.in_order())


def short(token: bytes) -> bytes:
    """The token, or its hash if it is long."""
    return token if len(token) <= WHOLE_TOKEN else HASH + blake3(token).digest()


def completed(node: Node) -> bytes:
    """The token of a node that nothing more will be put in."""
    node.complete()
    return node.token


def immutable(head: bytes, items: list[Value]) -> Value:
    """A tuple or frozenset: a token, if nothing in it can be changed either."""
    node = Node(head, items)
    node.complete()
    return node if any(isinstance(item, Node) for item in items) else node.token
