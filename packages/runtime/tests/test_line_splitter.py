import time
import tracemalloc
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flowstone_runtime.tasks import line_splitter
from flowstone_runtime.tasks.line_splitter import LineSplitter

LONGEST = 1 << 16


def lines_of(*pieces: bytes) -> list[str]:
    splitter = LineSplitter()
    return [line for piece in pieces for line in splitter.feed(piece)] + splitter.finish()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


alphabet = st.sampled_from([b"a", b"\n", b"\r", b"\r\n", "ü".encode(), "😀".encode(), b"\xff", b"\x80", b"x" * 7])


@given(st.lists(alphabet, max_size=60).map(b"".join), st.lists(st.integers(0, 400), max_size=8))
def test_how_the_bytes_were_cut_on_their_way_makes_no_difference(data, places) -> None:
    """A pipe cuts anywhere: within a line, a character, a line's end."""
    longest = line_splitter._LONGEST_LINE_BYTES
    line_splitter._LONGEST_LINE_BYTES = 8
    try:
        assert lines_of(*cut(data, places)) == lines_of(data)
        pieces = lines_of(data)
    finally:
        line_splitter._LONGEST_LINE_BYTES = longest
    assert all(len(piece) <= 8 * len("\\xff") for piece in pieces)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r")), max_size=8))
def test_lines_come_out_as_they_were_written(lines) -> None:
    """Empty ones too, and whatever ends them."""
    for end in ("\n", "\r\n"):
        assert lines_of("".join(line + end for line in lines).encode()) == lines


def test_the_last_line_needs_no_end() -> None:
    """A program that dies leaves half a line, and that half matters most."""
    assert lines_of(b"one\ntwo") == ["one", "two"]
    assert lines_of(b"one\n") == ["one"]
    assert lines_of(b"") == []
    splitter = LineSplitter()
    splitter.feed(b"rest")
    assert splitter.finish() == ["rest"]
    assert splitter.finish() == []


def test_bytes_that_are_not_utf_8_are_shown() -> None:
    """Nothing is lost, nothing raises."""
    assert lines_of(b"\xff\xfe caf\xe9\n") == ["\\xff\\xfe caf\\xe9"]


def test_a_long_line_is_cut_between_characters() -> None:
    """Half a character would show as an escape."""
    text = "ü" * LONGEST
    pieces = lines_of(b"a" + text.encode() + b"\n")
    assert "".join(pieces) == "a" + text
    assert [len(piece.encode()) for piece in pieces] == [LONGEST - 1, LONGEST, 2]


def test_a_line_without_an_end_fills_no_memory_and_costs_no_time() -> None:
    """100 MB of a progress bar that never ends its line."""
    splitter = LineSplitter()
    piece = b"x" * 65_536
    tracemalloc.start()
    count = sum(len(line) for _ in range(1_600) for line in splitter.feed(piece))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count + len(splitter.finish()[0]) == 1_600 * 65_536
    assert peak_bytes < 2_000_000


def test_a_hundred_megabytes_at_once_are_cut_in_one_go() -> None:
    """Cutting off the front again and again would copy the rest each time."""
    began = time.perf_counter()
    pieces = lines_of(b"x" * 100_000_000)
    assert time.perf_counter() - began < 5
    assert sum(map(len, pieces)) == 100_000_000
