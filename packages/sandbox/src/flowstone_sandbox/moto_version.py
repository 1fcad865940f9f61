"""The moto that the sandbox stands on: exactly one, since it uses what moto does not promise to keep."""

from importlib.metadata import PackageNotFoundError, version

from flowstone_sandbox.errors import WrongMotoError

KNOWN_MOTO = "5.2.5"


def check_moto(wanted: str = KNOWN_MOTO) -> None:
    """See that it is the one.

    Raises:
        WrongMotoError: another one is installed, or none.
    """
    try:
        found = version("moto")
    except PackageNotFoundError:
        found = "(none)"
    if found != wanted:
        raise WrongMotoError(found, wanted)
