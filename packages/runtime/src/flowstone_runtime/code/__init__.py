"""The code of a run: found, packed by content, compared."""
