"""An artifact in a few words."""

from flowstone_client import DataArtifact
from flowstone_interfaces import FlowstoneError

_LARGEST_LOADED_BYTES = 1 << 20


def preview(artifact: DataArtifact, max_value_size: int) -> str:
    """The beginning of the value, if that is cheap to have."""
    if not max_value_size or artifact.size > _LARGEST_LOADED_BYTES:
        return ""
    try:
        text = " ".join(repr(artifact.data).split())
    except FlowstoneError as error:
        return f"({error})"
    return text if len(text) <= max_value_size else text[: max_value_size - 1] + "…"
