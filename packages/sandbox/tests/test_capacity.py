"""What jobs hold is never more than there is."""

from hypothesis import given
from hypothesis import strategies as st

from flowstone_sandbox.batch import Capacity, Need

NEEDS = st.builds(Need, st.sampled_from([0.25, 1.0, 2.0, 4.0]), st.integers(4, 4096), st.integers(0, 3))


@given(st.lists(st.tuples(NEEDS, st.booleans()), max_size=30))
def test_what_is_taken_is_given_back_and_no_gpu_has_two_holders(steps):
    """A job that waits for ever, or two jobs on one GPU: neither is seen until it hurts."""
    whole = free = Capacity.of(4, 4096, 4, 3)
    held = []
    for need, gives_back in steps:
        if gives_back and held:
            free = free.more(*held.pop(0))
        if free.holds(need):
            free, gpus = free.less(need)
            held.append((need, gpus))
        in_use = [gpu for _, gpus in held for gpu in gpus]
        assert len(set(in_use)) == len(in_use)
        assert not set(in_use) & set(free.gpus)
        assert min(free.vcpus, free.memory_mib, free.slots) >= 0
    for need, gpus in held:
        free = free.more(need, gpus)
    assert free == whole
