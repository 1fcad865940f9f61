"""Fast objects: from a service into memory, files and frames at the speed of the network.

`S3` is the door. Below it: buckets (one request at a time), transfers (many at once, in parts), and one
measure of what a service bears.
"""

from flowstone_datastore.s3.async_client import AsyncS3
from flowstone_datastore.s3.client import S3
from flowstone_datastore.s3.errors import (
    S3InvalidRangeError,
    S3InvalidUseError,
    S3ObjectDamagedError,
    S3ObjectReplacedError,
)
from flowstone_datastore.s3.objects import RangeInfo, S3GetObject, S3Object, S3PutObject
from flowstone_datastore.s3.streams import ObjectReader, ObjectWriter

__all__ = [
    "S3",
    "AsyncS3",
    "ObjectReader",
    "ObjectWriter",
    "RangeInfo",
    "S3GetObject",
    "S3InvalidRangeError",
    "S3InvalidUseError",
    "S3Object",
    "S3ObjectDamagedError",
    "S3ObjectReplacedError",
    "S3PutObject",
]
