"""Which installed packages a run cannot keep: they came from folders here, and are no part of its code."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from flowstone_client import Distribution

_OWN = "flowstone"


def unkept_packages(document: bytes, code: Iterable[str], root: Path) -> tuple[str, ...]:
    """A sentence for each; `document` is what was recorded as installed, `code` the paths of the run's code.

    A package in the project, or one whose modules the flow imports, is in the code.
    """
    if b'"editable"' not in document and b'"folder"' not in document:
        return ()
    from flowstone_client import Distribution

    tops = {part for path in code for part in path.removesuffix(".py").split("/")}
    found = (Distribution.from_json(raw) for raw in json.loads(document)["distributions"])
    return tuple(_sentences((each for each in found if each.kind in {"editable", "folder"}), tops, root))


def _sentences(found: "Iterable[Distribution]", tops: set[str], root: Path) -> Iterator[str]:
    for each in found:
        folder = Path(unquote(urlsplit(each.url).path))
        is_own = each.name.split("-")[0] == _OWN
        is_kept = each.kind == "editable" and (folder.is_relative_to(root) or each.name.replace("-", "_") in tops)
        if not is_own and not is_kept:
            yield (
                f"{each.name} {each.version} was installed from {folder}, and the run does not keep what is "
                "there: to reproduce it later takes the folder as it is then; build a wheel to have it kept"
            )
