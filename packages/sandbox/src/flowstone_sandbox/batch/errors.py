"""What AWS Batch answers to a request that it does not take."""


class InvalidRequestError(ValueError):
    """A request that AWS Batch refuses: a `ClientException` to its client."""
