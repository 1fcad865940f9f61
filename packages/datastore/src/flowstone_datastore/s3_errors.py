"""What can go wrong between a store and S3: one sentence each, with the bucket, the key and what to do.

The fields are those of `OSError`: a number, the reason and the place, `s3://bucket/key at endpoint`.
"""

from flowstone_datastore.storage_errors import (
    InvalidObjectPathError,
    StorageError,
    StorageFailedError,
    StoreFullError,
    StoreNotWritableError,
)


class InvalidS3UrlError(StorageError, ValueError):
    """The URL of a store that names no bucket, or holds what no such URL may."""

    def __init__(self, bucket: str, detail: str) -> None:
        super().__init__(bucket, detail)
        self.bucket = bucket
        self.detail = detail

    def __str__(self) -> str:
        # Not the whole URL: what is wrong with it may be the secret in it.
        return (
            f"the URL of the store in bucket {self.bucket!r} cannot be used: {self.detail}; "
            "write s3://bucket/prefix, then ?endpoint_url=...&region=...&anonymous=true as needed"
        )


class S3SupportMissingError(StorageError, LookupError):
    """boto3, which speaks S3, is not installed."""

    def __init__(self, bucket: str) -> None:
        super().__init__(bucket)
        self.bucket = bucket

    def __str__(self) -> str:
        return (
            f"the store in the S3 bucket {self.bucket} needs boto3, which is not installed; "
            "run: pip install 'flowstone-datastore[s3]'"
        )


class ReservedObjectPathError(InvalidObjectPathError):
    """A path that in S3 is the name of a later part of an appended object."""

    def __str__(self) -> str:
        return (
            f"{self.path!r} ends in '~' and eight digits, which in S3 name the parts of an object that grows; "
            "choose another name"
        )


class S3FailedError(StorageFailedError):
    """S3 refused, for a reason of its own."""

    advice = "look the reason up in the service's documentation, or try again later"

    def __str__(self) -> str:
        return f"{self.filename} cannot be used: {self.strerror}; {self.advice}"


class BucketNotFoundError(S3FailedError):
    """There is no such bucket."""

    advice = "create the bucket, or correct its name or the endpoint_url in the store's URL"


class S3PermissionError(S3FailedError, PermissionError):
    """These credentials may not read it, or nobody may without."""

    advice = (
        "allow s3:GetObject on the objects and s3:ListBucket on the bucket "
        "(without the latter, S3 says this of absent objects too), or use other credentials"
    )


class S3NotWritableError(StoreNotWritableError):
    """These credentials may not write it."""

    def __str__(self) -> str:
        return (
            f"{self.filename} cannot be written: {self.strerror}; "
            "allow s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on it, use other credentials, "
            "or store somewhere else"
        )


class S3CredentialsMissingError(S3FailedError, PermissionError):
    """boto3 finds no complete credentials."""

    advice = (
        "run `aws configure`, set AWS_PROFILE, give the machine a role, "
        "or add ?anonymous=true to the store's URL if the bucket is public"
    )


class S3CredentialsRefusedError(S3FailedError, PermissionError):
    """The credentials are expired, unknown or wrong."""

    advice = "renew the credentials (`aws sso login`, or a new key) and check this machine's clock"


class S3RegionError(S3FailedError):
    """The bucket is in another region, or behind another endpoint."""

    advice = "write the bucket's region into the store's URL: ?region=..."


class S3UnreachableError(S3FailedError, ConnectionError):
    """Nobody answers, or connections break again and again."""

    is_transient = True
    advice = "check the network, the proxy settings and the endpoint_url in the store's URL, then try again"


class S3ThrottledError(S3FailedError):
    """S3 was too busy for longer than we wait."""

    is_transient = True
    advice = "try again later, with fewer tasks at once, or ask the service for a higher limit"


class S3FullError(StoreFullError):
    """The quota is used up, or the service's disks are full."""

    def __str__(self) -> str:
        return (
            f"{self.filename} could not be written: {self.strerror}; "
            "delete what is not needed, raise the quota, or store somewhere else"
        )
