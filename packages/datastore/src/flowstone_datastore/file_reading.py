"""A whole file into memory of the caller's own."""

import io


def read_file(file: io.FileIO, size: int) -> bytearray:
    """The next `size` bytes of an open file, or fewer if it ends before; Linux hands out 2 GiB at a time."""
    data = bytearray(size)
    filled = 0
    with memoryview(data) as view:
        while filled < size and (count := file.readinto(view[filled:])):
            filled += count
    del data[filled:]
    return data
