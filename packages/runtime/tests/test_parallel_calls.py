"""A function over many items, in forks."""

import os
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from flowstone_runtime.parallel_calls import ParallelCallError, parallel_imap_unordered, parallel_map
from flowstone_runtime.profiling import profile


def test_results_stand_in_the_order_of_the_items() -> None:
    """However long each call takes; also with fewer processes than items, and for large results."""
    assert parallel_map(lambda n: n * n, range(20), max_parallel=3) == [n * n for n in range(20)]
    assert [len(found) for found in parallel_map(bytes, [10_000_000, 5])] == [10_000_000, 5]
    assert sorted(parallel_imap_unordered(lambda n: -n, [1, 2, 3])) == [-3, -2, -1]
    assert parallel_map(str, []) == []


def test_an_error_of_a_call_is_raised_here_with_its_traceback() -> None:
    """The line that failed is in the other process."""

    def fails(n: int) -> int:
        return 1 // n

    with pytest.raises(ZeroDivisionError) as caught:
        parallel_map(fails, [1, 0, 2])
    told = str(caught.value.__cause__) if sys.version_info < (3, 11) else caught.value.__notes__[0]
    assert "return 1 // n" in told


@pytest.mark.parametrize("how", ["map", "imap"])
def test_one_failure_ends_the_calls_that_still_run(tmp_path: Path, how: str) -> None:
    """Nobody will look at their results; also when whoever asked stops looking."""

    def work(n: int) -> int:
        (tmp_path / str(n)).touch()
        if n:
            time.sleep(600)
        while len(list(tmp_path.iterdir())) < 3:
            time.sleep(0.01)
        return 1 // n if how == "map" else n

    if how == "map":
        with pytest.raises(ZeroDivisionError):
            parallel_map(work, [1, 0, 2, 3], max_parallel=3)
    else:
        results = parallel_imap_unordered(work, [1, 0, 2, 3], max_parallel=3)
        assert next(results) == 0
        results.close()
    assert not active_children()
    assert not (tmp_path / "3").exists()


def test_a_process_that_dies_is_told() -> None:
    """Nobody waits for its result."""
    with pytest.raises(ParallelCallError, match="the call for 7 failed: its process ended with exit code 3"):
        parallel_map(lambda n: os._exit(3), [7])


def test_a_profile_adds_up() -> None:
    """Several blocks under one label count as one."""
    found: dict[str, float] = {}
    for _ in range(2):
        with profile("work", found):
            pass
    assert found["work"] > 0
