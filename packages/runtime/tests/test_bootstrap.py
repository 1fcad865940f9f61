"""What a machine is told that cannot become a worker."""

import sys
import sysconfig
import tarfile

import pytest

from flowstone_runtime.remote.bootstrap import FORMAT, BootstrapError, check_machine

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
LAUNCH = {"format": FORMAT, "python": PYTHON, "platform": sysconfig.get_platform()}


def test_the_machine_that_is_meant_is_fine() -> None:
    """Nothing is said."""
    check_machine(LAUNCH)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"format": FORMAT + 1}, "start the run anew"),
        ({"python": "3.99"}, "such as python:3.99"),
        ({"platform": "plan9-68000"}, "started with Python .* on plan9-68000"),
    ],
)
def test_another_machine_is_refused(other: dict, told: str) -> None:
    """With what to do."""
    with pytest.raises(BootstrapError, match=told):
        check_machine({**LAUNCH, **other})


def test_an_old_patch_of_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 3.10.12 and 3.11.4, whatever an archive says is unpacked, and how we ask not to is not understood."""
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(BootstrapError, match=f"a later patch of it, such as python:{PYTHON}"):
        check_machine(LAUNCH)
