from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import flowstone_runtime
from flowstone_runtime.framework import PACKAGES, framework_folders, is_framework


def test_every_installed_package_of_ours_is_known() -> None:
    """One that is forgotten would enter every run's code and every traceback."""
    ours = {
        name
        for name, distributions in packages_distributions().items()
        if any(
            distribution == "flowstone" or distribution.startswith("flowstone-") for distribution in distributions
        )
    }
    assert {name for name in ours if not name.startswith("_")} <= PACKAGES


@pytest.mark.parametrize(
    ("module", "answer"),
    [
        ("flowstone", True),
        ("flowstone_runtime.commands.run", True),
        ("flowstone_helpers", False),
        ("flowstones", False),
        ("my.flowstone", False),
        ("", False),
    ],
)
def test_what_is_only_called_like_us_is_the_users(module, answer) -> None:
    """`flowstone_helpers.py` beside a flow is part of its code."""
    assert is_framework(module) is answer


def test_our_folders_are_those_that_are_loaded() -> None:
    """With a separator at the end: `flowstone_runtime_extras` is somebody else."""
    folder = str(Path(flowstone_runtime.__file__).parent)
    assert any(found.rstrip("/\\") == folder and found != folder for found in framework_folders())
