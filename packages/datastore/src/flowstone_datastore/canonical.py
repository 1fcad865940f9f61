"""A pickle stream -> a text that is the same for equal values, whatever order their sets and dicts have.

It is what an address names; what is stored is the stream itself, so that no order is lost. It is made of the
stream's opcodes alone: nothing is imported, nothing runs, and whoever has the stored bytes can make it again.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from flowstone_datastore.address import CANONICAL_BYTES
from flowstone_datastore.canonical_form import (
    ADDED,
    ALIAS,
    APPENDED,
    ASSIGNED,
    BUFFER,
    BUILT,
    BYTEARRAY,
    CALLED,
    DICT,
    END,
    FROZENSET,
    GLOBAL,
    LIST,
    MADE,
    MADE_WITH_NAMES,
    READ_ONLY,
    SET,
    SET_UP,
    TUPLE,
    Node,
    Value,
    completed,
    immutable,
    short,
    walk,
)
from flowstone_datastore.canonical_types import DEFAULTDICT, VALUE_TYPES

_NUMBERS = re.compile(rb"(?:K.|M..|J.{4}|G.{8}|[N\x88\x89])+", re.DOTALL)
"""A run of numbers, as lists of them have: read at once where no order needs them one by one."""

_FIXED = {b"N": 1, b"\x88": 1, b"\x89": 1, b"K": 2, b"M": 3, b"J": 5, b"G": 9, b"\x82": 2, b"\x83": 3, b"\x84": 5}
_FIXED_SIZES = [_FIXED.get(bytes((code,)), 0) for code in range(256)]
"""How long an opcode with its argument is that is a value by itself; 0 for the others."""

_COUNTED = {b"\x8c": 1, b"X": 4, b"\x8d": 8, b"C": 1, b"B": 4, b"\x8e": 8, b"\x8a": 1, b"\x8b": 4, b"\x96": 8}
_COUNT_SIZES = [_COUNTED.get(bytes((code,)), 0) for code in range(256)]
"""How many bytes say the length of a text, of bytes or of a long number; 0 for all else."""


class _UnreadableError(Exception):
    """An opcode that undoes others, or one that Python's picklers do not write: the stream is taken as it is."""


def canonical(stream: bytes, buffers: Iterable[str]) -> bytes | None:
    """The canonical form of a pickle stream whose out-of-band buffers have these addresses, in order.

    `None` if it has none: it is too long, or makes something and throws it away, as recursive tuples do.
    """
    if len(stream) > CANONICAL_BYTES:
        return None
    machine = _Machine(iter(buffers))
    try:
        value = machine.run(stream)
    except (_UnreadableError, IndexError, ValueError, StopIteration):
        return None
    if isinstance(value, bytes):
        return value
    return b"".join(walk(value)) if machine.has_aliases else value.token


def _is_given(node: Node, arguments: Value) -> bool:
    """Whether the first of some arguments is this very object."""
    first = arguments.children[0] if isinstance(arguments, Node) else arguments
    return isinstance(first, Node) and first.head == ALIAS and first.children[0] is node


class _Machine:
    """A pickle machine that makes tokens instead of values."""

    def __init__(self, buffers: Iterator[str]) -> None:
        self._buffers = buffers
        self._stack: list[Value] = []
        self._outer: list[list[Value]] = []
        self._memo: list[Value] = []
        self.has_aliases = False
        """Whether something that can be changed is held twice."""

    def run(self, stream: bytes) -> Value:  # noqa: C901, PLR0912 - a call for each opcode would double the time
        """What the stream makes."""
        fixed, counted, handlers, memo = _FIXED_SIZES, _COUNT_SIZES, _HANDLERS, self._memo
        at = 0
        while True:
            code = stream[at]
            if size := fixed[code]:
                self._stack.append(stream[at : at + size])
                at += size
            elif size := counted[code]:
                end = at + 1 + size
                end += int.from_bytes(stream[at + 1 : end], "little")
                token = short(stream[at:end])
                self._stack.append(Node(BYTEARRAY, [token]) if code == 0x96 else token)  # it can be changed
                at = end
                if stream[at] == 0x94:  # as all texts are
                    memo.append(self._stack[-1])
                    at += 1
            elif code == 0x94:  # MEMOIZE
                memo.append(self._stack[-1])
                at += 1
            elif code == 0x28:  # MARK
                self._outer.append(self._stack)
                self._stack = []
                at += 1
                if fixed[stream[at]] and (run := _NUMBERS.match(stream, at)) and stream[run.end()] in b"et":
                    self._stack.append(run[0])
                    at = run.end()
            elif code == 0x7D:  # EMPTY_DICT
                self._stack.append(Node(DICT, []))
                at += 1
            elif code == 0x75:  # SETITEMS
                self._put(ASSIGNED, self._pop_mark())
                at += 1
            elif code == 0x68:  # BINGET
                self._get(stream[at + 1])
                at += 2
            elif code == 0x6A:  # LONG_BINGET
                self._get(int.from_bytes(stream[at + 1 : at + 5], "little"))
                at += 5
            elif code == 0x2E:  # STOP
                return self._pop()
            elif code == 0x95:  # FRAME
                at += 9
            elif code == 0x80:  # PROTO
                at += 2
            else:
                handlers[code](self)
                at += 1

    def _get(self, index: int) -> None:
        value = self._memo[index]
        if isinstance(value, Node):
            self.has_aliases = True
            alias = Node(ALIAS, [value])
            alias.token = value.token or ALIAS
            value = alias
        self._stack.append(value)

    def _pop(self) -> Value:
        return self._pop_many(1)[0]

    def _pop_many(self, count: int) -> list[Value]:
        """The topmost values, which are complete: they are about to become part of another one."""
        items = self._stack[-count:]
        del self._stack[-count:]
        for item in items:
            if isinstance(item, Node) and not item.token:
                item.complete()
        return items

    def _pop_mark(self) -> list[Value]:
        items = self._stack
        self._stack = self._outer.pop()
        for item in items:
            if isinstance(item, Node) and not item.token:
                item.complete()
        return items

    def _top(self) -> Node:
        top = self._stack[-1]
        if isinstance(top, bytes) or top.token:
            raise _UnreadableError
        return top

    def _put(self, event: bytes, items: list[Value]) -> None:
        """Put items into what is on top; of an object of an unknown type, their order may matter."""
        top = self._top()
        if top.head not in (CALLED, MADE, MADE_WITH_NAMES):
            top.children += items
        elif event == ASSIGNED and top.children[0] == DEFAULTDICT:
            if len(top.children) == 2:
                top.children.append(Node(DICT, []))
            held = top.children[-1]
            if isinstance(held, bytes) or held.token:
                raise _UnreadableError
            held.children += items
        else:
            top.children += [event, *items, END]

    # What the opcodes do, but for those that `run` does itself

    def push(self, token: bytes) -> None:
        """Push what is complete."""
        self._stack.append(token)

    def open(self, head: bytes) -> None:
        """Push a container that is filled later."""
        self._stack.append(Node(head, []))

    def put_some(self, event: bytes) -> None:
        """Put what is above the mark into what is below."""
        self._put(event, self._pop_mark())

    def put_few(self, event: bytes, count: int) -> None:
        """Put the topmost values into what is below."""
        self._put(event, self._pop_many(count))

    def immutable(self, head: bytes) -> None:
        """Push a tuple or frozenset of what is above the mark."""
        items = self._pop_mark()
        self._stack.append(immutable(head, items))

    def short_tuple(self, count: int) -> None:
        """Push a tuple of the topmost values."""
        items = self._pop_many(count)
        self._stack.append(immutable(TUPLE, items))

    def make(self, head: bytes, count: int) -> None:
        """Push an object that is made by the topmost values: a callable and its arguments."""
        parts = self._pop_many(count)
        node = Node(head, parts)
        self._stack.append(node)
        if parts[0] in VALUE_TYPES and all(isinstance(part, bytes) for part in parts):
            self._stack[-1] = completed(node)

    def build(self) -> None:
        """Give an object its state: attributes are a dict, so their order plays no part."""
        state = self._pop()
        self._top().children += [BUILT, state]

    def set_up(self) -> None:
        """Forget what a function returned that was called to give an object its state."""
        call = self._pop()
        top = self._top()
        if isinstance(call, bytes) or call.head != CALLED or not _is_given(top, call.children[1]):
            raise _UnreadableError
        top.children += [SET_UP, call]

    def find_global(self) -> None:
        """Push what has a module and a name."""
        module, name = self._pop_many(2)
        if not isinstance(module, bytes) or not isinstance(name, bytes):
            raise _UnreadableError
        self._stack.append(GLOBAL + module + name)

    def next_buffer(self) -> None:
        """Push memory that left the stream."""
        self._stack.append(BUFFER + next(self._buffers).encode("ascii"))

    def make_read_only(self) -> None:
        """Say that the memory on top is not to be changed."""
        top = self._stack.pop()
        if not isinstance(top, bytes):
            raise _UnreadableError
        self._stack.append(top + READ_ONLY)

    def refuse(self) -> None:
        """What this machine cannot do."""
        raise _UnreadableError


_Handler: TypeAlias = Callable[[_Machine], None]

_HANDLERS_BY_OPCODE: dict[bytes, _Handler] = {
    b"]": lambda machine: machine.open(LIST),
    b"\x8f": lambda machine: machine.open(SET),
    b"a": lambda machine: machine.put_few(APPENDED, 1),
    b"e": lambda machine: machine.put_some(APPENDED),
    b"s": lambda machine: machine.put_few(ASSIGNED, 2),
    b"\x90": lambda machine: machine.put_some(ADDED),
    b")": lambda machine: machine.push(TUPLE + END),
    b"\x85": lambda machine: machine.short_tuple(1),
    b"\x86": lambda machine: machine.short_tuple(2),
    b"\x87": lambda machine: machine.short_tuple(3),
    b"t": lambda machine: machine.immutable(TUPLE),
    b"\x91": lambda machine: machine.immutable(FROZENSET),
    b"R": lambda machine: machine.make(CALLED, 2),
    b"\x81": lambda machine: machine.make(MADE, 2),
    b"\x92": lambda machine: machine.make(MADE_WITH_NAMES, 3),
    b"b": _Machine.build,
    b"0": _Machine.set_up,
    b"\x93": _Machine.find_global,
    b"\x97": _Machine.next_buffer,
    b"\x98": _Machine.make_read_only,
}
_HANDLERS = [_HANDLERS_BY_OPCODE.get(bytes((code,)), _Machine.refuse) for code in range(256)]
