"""Does it pay? zstd in, zstd out."""

import zstandard

from flowstone_datastore.storage import Buffer

_LEVEL = 1
_SAMPLE_BYTES = 16 * 1024
_SAMPLES = 4
_PAYS_BELOW = 0.8
"""Part of its size that a sample must shrink to: less saving is not worth the reader's time."""


class InvalidFrameError(ValueError):
    """Compressed bytes that are damaged, or that claim to be larger than they may be."""


def pays(data: memoryview) -> bool:
    """Whether compressing `data` would save a fifth of it, told by a sample of at most 64 KiB."""
    if data.nbytes <= _SAMPLE_BYTES * _SAMPLES:
        sample = [data]
    else:
        step = (data.nbytes - _SAMPLE_BYTES) // (_SAMPLES - 1)
        sample = [data[start : start + _SAMPLE_BYTES] for start in range(0, step * _SAMPLES, step)]
    compressor = zstandard.ZstdCompressor(_LEVEL)
    packed = sum([len(compressor.compress(part)) for part in sample])
    return packed < _PAYS_BELOW * sum([part.nbytes for part in sample])


def compress(data: memoryview) -> bytes:
    """`data` as one zstd frame that states its length."""
    return zstandard.ZstdCompressor(_LEVEL).compress(data)


def decompress(frame: Buffer, most_bytes: int) -> bytes:
    """What `compress` was given.

    Raises:
        InvalidFrameError: it is no such frame, or holds more than `most_bytes`; nothing was unpacked then.
    """
    try:
        size = zstandard.frame_content_size(frame)
        if not 0 <= size <= most_bytes:
            raise InvalidFrameError(f"it claims to hold {size} bytes, where at most {most_bytes} are expected")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise InvalidFrameError(f"it cannot be decompressed ({error})") from error
