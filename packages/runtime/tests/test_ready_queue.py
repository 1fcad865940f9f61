"""What may start, and in which order."""

from hypothesis import given
from hypothesis import strategies as st

from flowstone_graph import Task, TaskKey
from flowstone_interfaces import Resources
from flowstone_runtime.scheduling.machine import Capacity, this_machine
from flowstone_runtime.scheduling.ready_queue import Attempt, Limits, ReadyQueue

NOTHING = Resources()


def attempt(step: str, index: int = 0, **fields) -> Attempt:
    return Attempt(Task(TaskKey(step, (index,))), **fields)


def queue(needs=None, **capacity) -> ReadyQueue:
    return ReadyQueue(lambda step: (needs or {}).get(step, NOTHING), Capacity(**capacity))


def take_all(ready: ReadyQueue, most_running: int = 100, now: float = 0.0) -> list[str]:
    taken = []
    while (found := ready.take(now, Limits(most_running))) is not None:
        taken.append(found.request_id)
    return taken


def test_what_is_ready_first_starts_first_whatever_its_step() -> None:
    """Nobody is overtaken without a reason."""
    ready = queue()
    for step, index in [("b", 0), ("a", 0), ("b", 1), ("a", 1)]:
        ready.add(attempt(step, index))
    assert take_all(ready, most_running=3) == ["b/0", "a/0", "b/1"]
    ready.give_back(attempt("b", 0))
    assert take_all(ready, most_running=3) == ["a/1"]
    assert len(ready) == 0


def test_what_does_not_fit_waits_and_lets_the_small_pass() -> None:
    """Two tasks that need the whole memory run one after the other, and beside them what needs nothing."""
    ready = queue({"big": Resources(memory_mib=900)}, memory_mib=1000)
    for each in (attempt("big", 0), attempt("big", 1), attempt("small")):
        ready.add(each)
    assert take_all(ready) == ["big/0", "small/0"]
    ready.give_back(attempt("big", 0))
    assert take_all(ready) == ["big/1"]


def test_what_is_larger_than_the_machine_runs_alone() -> None:
    """It may still work; waiting for ever does not."""
    ready = queue({"huge": Resources(cpus=64)}, cpus=2)
    ready.add(attempt("small"))
    ready.add(attempt("huge"))
    assert take_all(ready) == ["small/0"]
    ready.give_back(attempt("small"))
    assert take_all(ready) == ["huge/0"]


def test_a_gang_starts_whole() -> None:
    """Its members wait for each other: half of one would wait for ever."""
    ready = queue()
    for index in range(5):
        ready.add(attempt("gang", index, is_gang=True))
    assert len(take_all(ready, most_running=2)) == 5


def test_another_attempt_waits_for_its_time() -> None:
    """The wait of a retry holds nobody else up."""
    ready = queue()
    ready.add_later(attempt("later"), due=10.0)
    ready.add(attempt("now"))
    assert ready.due() == 10.0
    assert take_all(ready, now=5.0) == ["now/0"]
    assert len(ready) == 1
    assert take_all(ready, now=10.0) == ["later/0"]
    assert ready.due() is None


steps = st.sampled_from("abcd")


@given(st.lists(steps, max_size=30), st.integers(1, 4), st.dictionaries(steps, st.integers(0, 6)))
def test_everything_starts_once_and_never_more_than_fits(wanted, most_running, cpus) -> None:
    """Whatever needs what: nothing is lost, nothing starts twice, and what runs at once fits or runs alone."""
    ready = queue({step: Resources(cpus=count) for step, count in cpus.items()}, cpus=4)
    for index, step in enumerate(wanted):
        ready.add(attempt(step, index))
    running: list[Attempt] = []
    done = 0
    while len(ready) or running:
        while (found := ready.take(0.0, Limits(most_running))) is not None:
            running.append(found)
        assert 0 < len(running) <= most_running
        assert len(running) == 1 or sum(cpus.get(each.task.key.step, 0) for each in running) <= 4
        ready.give_back(running.pop(0))
        done += 1
    assert done == len(wanted)


def test_the_machine_has_something_to_give() -> None:
    """A capacity of nothing would run every task alone."""
    machine = this_machine({"CUDA_VISIBLE_DEVICES": "0,2"})
    assert machine.cpus >= 1
    assert machine.memory_mib > 100
    assert machine.gpus == 2
    assert this_machine({"CUDA_VISIBLE_DEVICES": ""}).gpus == 0


def test_what_runs_elsewhere_takes_nothing_of_this_machine() -> None:
    """A thousand jobs in the cloud start from a laptop with two cores."""
    needs = Resources(cpus=64, memory_mib=1 << 30)
    ready = ReadyQueue(lambda _: needs, Capacity(cpus=2), {"far"})
    for number in range(5):
        ready.add(Attempt(Task(TaskKey("far", (number,)))))
        ready.add(Attempt(Task(TaskKey("near", (number,)))))
    taken = []
    while (found := ready.take(0.0, Limits(here=2, elsewhere=4))) is not None:
        taken.append(found)
    assert sorted(each.task.key.step for each in taken) == ["far"] * 4 + ["near"]
    ready.give_back(taken[0])
    assert ready.take(0.0, Limits(here=2, elsewhere=4)) is not None


def test_a_limit_that_is_given_is_for_all_of_them() -> None:
    """`--max-workers 3` means three."""
    ready = ReadyQueue(lambda _: Resources(), Capacity(), {"far"})
    for number in range(5):
        ready.add(Attempt(Task(TaskKey("far", (number,)))))
        ready.add(Attempt(Task(TaskKey("near", (number,)))))
    count = 0
    while ready.take(0.0, Limits(here=3, in_all=3)) is not None:
        count += 1
    assert count == 3
