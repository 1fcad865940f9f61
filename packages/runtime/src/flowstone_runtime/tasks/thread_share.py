"""How many threads a task's numeric libraries may use.

Numeric libraries start a thread for every core. Of sixteen tasks on sixteen cores each
would start sixteen, and they would spend their time waiting for each other. So a task
is given its share of the cores: all of them if it runs alone.
"""

import os
import sys
from collections.abc import Mapping

# Read by the libraries when they are loaded: OpenMP, OpenBLAS, MKL, Accelerate, numexpr, polars.
_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
)


def usable_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS, where a process may use every core
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_share(cores: int, tasks: int) -> int:
    """The threads for each of `tasks` tasks that run at once: at least one.

    >>> thread_share(16, 1), thread_share(16, 5), thread_share(2, 100)
    (16, 3, 1)
    """
    return max(1, cores // max(1, tasks))


def thread_variables(threads: int, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that tell libraries, less those that the user has set."""
    return {name: str(threads) for name in _VARIABLES if name not in environ}


def limit_loaded_libraries(environ: Mapping[str, str]) -> None:
    """Tell libraries that are loaded already and so read no variable any more.

    Needs threadpoolctl, which scikit-learn brings along; without it nothing happens.
    """
    threadpoolctl = sys.modules.get("threadpoolctl")
    threads = environ.get("OMP_NUM_THREADS", "")
    if threadpoolctl is not None and threads.isdecimal():
        threadpoolctl.threadpool_limits(int(threads))
