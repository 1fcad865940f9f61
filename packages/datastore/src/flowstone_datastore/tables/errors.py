"""What can go wrong with tables beyond what a storage knows: one sentence each, and what to do."""

import difflib
from collections.abc import Sequence

from flowstone_datastore.storage_errors import StorageError
from flowstone_interfaces import FlowstoneError


class NoTableError(StorageError, LookupError):
    """Nothing under a URL can be read as a table."""

    def __init__(self, url: str, found: str) -> None:
        super().__init__(url, found)
        self.url = url
        self.found = found

    def __str__(self) -> str:
        return f"there is no table in {self.url}: {self.found}; check the URL, or write one with write_frame"


class TableFormatError(StorageError, ValueError):
    """A file does not hold what its name, or `file_format`, says."""

    def __init__(self, url: str, file_format: str, detail: str) -> None:
        super().__init__(url, file_format, detail)
        self.url = url
        self.file_format = file_format
        self.detail = detail

    def __str__(self) -> str:
        wanted = self.file_format
        return f"{self.url} cannot be read as {wanted}: {self.detail}; name its format, or write it again"


class UnknownColumnError(StorageError, KeyError):
    """A column was asked for that the table does not have."""

    def __init__(self, url: str, column: str, known: Sequence[str]) -> None:
        super().__init__(url, column, tuple(known))
        self.url = url
        self.column = column
        self.known = tuple(known)

    def __str__(self) -> str:
        near = difflib.get_close_matches(self.column, self.known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(self.known[:20]) or 'none'}"
        return f"{self.url} has no column {self.column!r}; {hint}"


class MixedSchemasError(StorageError, TypeError):
    """Two files of a table have a column of types that are not one."""

    def __init__(self, url: str, column: str, detail: str) -> None:
        super().__init__(url, column, detail)
        self.url = url
        self.column = column
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"{self.url} has the column {self.column!r} in another type than the table ({self.detail}); "
            "read the files one by one, or write them again with one type"
        )


class InvalidWhereError(FlowstoneError, ValueError):
    """A condition that cannot be put to the table."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the condition {self.where!r} cannot be used: {self.reason}; write one like "
            "\"year >= 2020 and country in ['FI', 'SE']\", or a pyarrow expression"
        )


class TableExistsError(StorageError, FileExistsError):
    """Something is there that is not to be written over."""

    def __init__(self, url: str, what: str) -> None:
        super().__init__(url, what)
        self.url = url
        self.what = what

    def __str__(self) -> str:
        return f"{self.url} holds {self.what}; write to another place, or delete it first"


class NoFrameError(FlowstoneError, TypeError):
    """A value that is no frame, or a word that means no kind of frame."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what}; {self.advice}"


class MissingLibraryError(FlowstoneError, ImportError):
    """A library is not installed that tables of this kind need."""

    def __init__(self, what: str, requirement: str) -> None:
        super().__init__(what, requirement)
        self.what = what
        self.requirement = requirement

    def __str__(self) -> str:
        return f"{self.what} needs a library that is not installed; pip install {self.requirement!r}"
