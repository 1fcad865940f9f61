"""What can be wrong with a request for a job before AWS is asked."""

from flowstone_interfaces import FlowstoneError


class BatchRequestError(FlowstoneError, ValueError):
    """A job that cannot be asked for as it is."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what}; {self.advice}"


class BatchSupportMissingError(FlowstoneError, ImportError):
    """boto3 is not installed."""

    def __str__(self) -> str:
        return "AWS Batch needs boto3, which is not installed; pip install 'flowstone-executors[aws]'"
