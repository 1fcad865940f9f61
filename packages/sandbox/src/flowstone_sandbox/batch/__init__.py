"""AWS Batch whose jobs really run, as processes of this machine.

moto keeps what is only kept: job definitions, queues, compute environments. Jobs are ours.
"""

from flowstone_sandbox.batch.capacity import Capacity, Need
from flowstone_sandbox.batch.host import JobHost
from flowstone_sandbox.batch.jobs import Jobs
from flowstone_sandbox.batch.service import BatchService

__all__ = ["BatchService", "Capacity", "JobHost", "Jobs", "Need"]
