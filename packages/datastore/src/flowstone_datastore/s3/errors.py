"""What can go wrong with objects beyond what a storage knows: one sentence each, and what to do."""

from flowstone_datastore.storage_errors import StorageError


class S3ObjectReplacedError(StorageError, RuntimeError):
    """Another content came under the key while it was read: never a mix of two."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return f"{self.url} was replaced or deleted while it was read; read it again, or write under new keys"


class S3ObjectDamagedError(StorageError, ValueError):
    """The bytes that came are not those that were stored."""

    def __init__(self, url: str, stated: str) -> None:
        super().__init__(url, stated)
        self.url = url
        self.stated = stated

    def __str__(self) -> str:
        return (
            f"{self.url} arrived with other bytes than its sum {self.stated} says, more than once; "
            "look for a proxy or a disk that changes data, or write the object again"
        )


class S3InvalidRangeError(StorageError, ValueError):
    """Bytes were asked for that the object does not have."""

    def __init__(self, url: str, wanted: str) -> None:
        super().__init__(url, wanted)
        self.url = url
        self.wanted = wanted

    def __str__(self) -> str:
        return f"{self.url} has no bytes {self.wanted}; ask its size by info() first"


class S3InvalidUseError(StorageError, ValueError):
    """A call that cannot mean anything."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what}; {self.advice}"
