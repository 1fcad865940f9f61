"""numpy arrays -> a `.npy` file, which `numpy.load(path, mmap_mode="r")` maps."""

from typing import Any


class NpyExporter:
    """Writes an array's memory as it is, whatever the name of the file ends in."""

    types = ("numpy.ndarray",)

    def export(self, value: Any, path: str) -> None:
        """See `Exporter.export`."""
        import numpy as np

        if isinstance(value, np.ma.MaskedArray):
            raise TypeError("a .npy file has no place for a mask; export its data and its mask")
        with open(path, "wb") as file:  # noqa: PTH123 - numpy appends a suffix to names, not to files
            np.lib.format.write_array(file, np.asarray(value), allow_pickle=False)
