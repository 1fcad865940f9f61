"""Which job runs next: whatever is submitted, and in whatever order attempts end."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flowstone_sandbox.batch import Capacity, Jobs, Need
from flowstone_sandbox.batch.job import Dependency, Status, Submission
from flowstone_sandbox.batch.retry import RetryStrategy
from flowstone_sandbox.processes import Ending

CAPACITY = Capacity.of(4, 1024, 2, 3)


class PaperHost:
    """A host on which attempts end when the test says so."""

    def __init__(self):
        self.running = {}

    def start(self, job, attempt):
        self.running[attempt.log_stream] = job

    def stop(self, attempt):
        """It does not listen."""

    def lose(self, attempt):
        """It ends when the test says so."""


def submission(need, size, attempts, depends_on):
    return Submission(
        name="job",
        region="us-east-1",
        queue_name="queue",
        queue_arn="arn:aws:batch:us-east-1:1:job-queue/queue",
        queue_priority=1,
        environment_name="environment",
        definition_name="definition",
        definition_arn="arn",
        container={"environment": []},
        command=("true",),
        need=need,
        retry=RetryStrategy(attempts),
        timeout_seconds=None,
        depends_on=depends_on,
        parameters={},
        tags={},
        size=size,
        platforms=(),
    )


REQUESTS = st.lists(
    st.tuples(
        st.builds(Need, st.sampled_from([1.0, 2.0, 4.0]), st.integers(4, 1024), st.integers(0, 2)),
        st.none() | st.integers(2, 4),  # the size of an array
        st.integers(1, 2),  # attempts
        st.lists(st.tuples(st.integers(0, 10), st.sampled_from([None, "N_TO_N", "SEQUENTIAL"])), max_size=2),
    ),
    min_size=1,
    max_size=8,
)


def depended_on(jobs, size, wanted):
    """What makes sense of random wishes: earlier jobs; by child only among arrays of one size."""
    for number, kind in wanted:
        earlier = jobs[number % len(jobs)] if jobs else None
        if kind == "SEQUENTIAL" and size is not None:
            yield Dependency(None, kind)
        elif earlier is not None:
            is_alike = size is not None and earlier.submission.size == size
            yield Dependency(earlier.id, "N_TO_N" if kind == "N_TO_N" and is_alike else None)


@settings(deadline=None)
@given(REQUESTS, st.data())
def test_jobs_run_in_order_within_what_there_is_and_all_come_to_an_end(requests, data):
    """None is forgotten, none runs before what it waits for, no machine holds more than it can."""
    host = PaperHost()
    jobs = Jobs(CAPACITY, host, "1")
    submitted = []
    for need, size, attempts, wanted in requests:
        depends_on = tuple(depended_on(submitted, size, wanted))
        submitted.append(jobs.submit(submission(need, size, attempts, depends_on)))
    while host.running:
        needs = [job.submission.need for job in host.running.values()]
        assert len(needs) <= CAPACITY.slots
        assert sum(need.vcpus for need in needs) <= CAPACITY.vcpus
        assert sum(need.memory_mib for need in needs) <= CAPACITY.memory_mib
        for job in host.running.values():
            for dependency in job.submission.depends_on:
                name = dependency.awaited_by(job.index)
                assert name is None or jobs.find(name).status is Status.SUCCEEDED
                if dependency.kind == "SEQUENTIAL" and job.index:
                    assert job.parent.children[job.index - 1].status is Status.SUCCEEDED
        streams = list(host.running)  # their names are chance, their order is not
        stream = streams[data.draw(st.integers(0, len(streams) - 1))]
        del host.running[stream]
        jobs.attempt_ended(stream, Ending(data.draw(st.sampled_from([0, 0, 1]))))
    for job in submitted:
        assert job.status.is_final, job
        children = [child.status for child in job.children]
        if children:
            assert (job.status is Status.SUCCEEDED) == (set(children) == {Status.SUCCEEDED})
            assert sum(job.counts.values()) == len(children)
    assert jobs._free == CAPACITY
