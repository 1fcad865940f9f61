"""Run tasks somewhere: the local executor, and the conformance kit for every other.

An executor takes `TaskRequest`s and posts `TaskEvent`s (both in
`flowstone_interfaces`). It knows nothing of flows.
"""

from flowstone_executors.job import Job, Program, inherited_job, inherited_payload
from flowstone_executors.local import InProcessExecutor, Launch, LocalExecutor, serve_launched

__all__ = [
    "InProcessExecutor",
    "Job",
    "Launch",
    "LocalExecutor",
    "Program",
    "inherited_job",
    "inherited_payload",
    "serve_launched",
]
