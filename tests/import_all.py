"""Import every module of a package: `python import_all.py flowstone_client`. What needs an extra is left out."""

import importlib
import importlib.metadata
import pkgutil
import re
import sys


def main(name: str) -> None:
    """Fail at the first module that needs what the package's metadata do not name."""
    package = importlib.import_module(name)
    requirements = importlib.metadata.requires(name) or ()
    extras = [re.split(r"[\s<>=!~;\[]", each)[0] for each in requirements if "extra ==" in each]
    left_out = {extra.lower().removeprefix("py-").replace("-", "_") for extra in extras} | {"botocore"}
    count = 0
    for info in pkgutil.walk_packages(package.__path__, f"{name}."):
        if info.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(info.name)
        except ImportError as error:
            if (error.name or "").partition(".")[0] not in left_out:
                raise
        else:
            count += 1
    print(f"{name}: {count} modules")


if __name__ == "__main__":
    main(sys.argv[1])
