"""Tasks as jobs of AWS Batch. Needs the extra `aws`."""

from flowstone_executors.batch.executor import BatchExecutor

__all__ = ["BatchExecutor"]
