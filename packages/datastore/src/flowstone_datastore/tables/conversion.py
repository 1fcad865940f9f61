"""Frames in, Arrow tables out, and back: what a caller has and wants."""

from typing import Any, Literal, TypeAlias, get_args

import pyarrow as pa

from flowstone_datastore.tables.errors import MissingLibraryError, NoFrameError

Kind: TypeAlias = Literal["pandas", "arrow", "polars"]
"""What a table is given as."""


def checked_kind(kind: str) -> str:
    """The word itself, if it is a kind of frame that can be made here.

    Raises:
        NoFrameError: it is none.
        MissingLibraryError: its library is not installed.
    """
    if kind not in get_args(Kind):
        raise NoFrameError(f"to={kind!r} is no kind of frame", f"write one of {', '.join(get_args(Kind))}")
    if kind != "arrow":
        try:
            __import__(kind)
        except ImportError as error:
            raise MissingLibraryError(f"to={kind!r}", kind) from error
    return kind


def frame_of(table: pa.Table, kind: str) -> Any:
    """The table as a frame; texts stay in Arrow's memory, and so does what pandas can take as it is."""
    if kind == "arrow":
        return table
    if kind == "polars":
        import polars as pl

        return pl.from_arrow(table)
    import pandas as pd

    if int(pd.__version__.partition(".")[0]) >= 3:  # its own texts are Arrow's
        return table.to_pandas(split_blocks=True)
    texts = {pa.string(): pd.StringDtype("pyarrow"), pa.large_string(): pd.StringDtype("pyarrow")}
    return table.to_pandas(split_blocks=True, types_mapper=texts.get)


def table_of(frame: Any) -> pa.Table:
    """A frame of pandas, polars or Arrow as a table.

    Raises:
        NoFrameError: it is none, or holds what Arrow cannot.
    """
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    module = type(frame).__module__.partition(".")[0]
    try:
        if module == "pandas" and type(frame).__name__ == "DataFrame":
            return pa.Table.from_pandas(frame)
        if module == "polars" and hasattr(frame, "to_arrow") and type(frame).__name__ == "DataFrame":
            return frame.to_arrow()
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise NoFrameError(f"the frame cannot be written: {error}", "convert that column first") from error
    raise NoFrameError(
        f"a {type(frame).__module__}.{type(frame).__qualname__} is no frame",
        "give a pandas or polars DataFrame, a pyarrow Table, or record batches one after the other",
    )
