"""Frames and tables -> an Arrow IPC file (Feather V2), which any Arrow library opens and maps."""

from typing import Any


class ArrowExporter:
    """Writes uncompressed, so that the file can be mapped; columns that Arrow can take as they are are not copied.

    `pyarrow.feather.read_table(path).to_pandas()` gives a frame back with its index, its types and its names. A
    series becomes a frame of one column, an array or a chunked array a table with one column, `values`.
    """

    types = (
        "pandas.DataFrame",
        "pandas.core.frame.DataFrame",
        "pandas.Series",
        "pandas.core.series.Series",
        "pyarrow.lib.Table",
        "pyarrow.lib.RecordBatch",
        "pyarrow.lib.ChunkedArray",
        "pyarrow.lib.Array",
    )

    def export(self, value: Any, path: str) -> None:
        """See `Exporter.export`."""
        import pyarrow as pa

        # A file has one dictionary for each column of categories, a table one for each chunk.
        table = _table(value).unify_dictionaries()
        with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)


def _table(value: Any) -> Any:
    import pyarrow as pa

    if isinstance(value, pa.Table):
        return value
    if isinstance(value, pa.RecordBatch):
        return pa.Table.from_batches([value])
    if isinstance(value, pa.Array | pa.ChunkedArray):
        return pa.table({"values": value})
    return pa.Table.from_pandas(value.to_frame() if value.ndim == 1 else value)
