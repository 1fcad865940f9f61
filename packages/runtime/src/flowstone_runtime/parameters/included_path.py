"""The type of an option that names a file to take in."""

import os
from pathlib import Path
from typing import Any

import click

from flowstone_runtime.parameters.included_content import IncludedContent


class IncludedPath(click.ParamType):  # type: ignore[type-arg]  # generic in newer clicks only
    """The path of a file that can be read."""

    name = "path"

    def __init__(self, option: str, encoding: str | None) -> None:
        self.option = option
        self.encoding = encoding

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse what is no file; its content is read when the run starts."""
        if isinstance(value, IncludedContent):
            return value
        if not isinstance(value, str | os.PathLike):
            self.fail(f"{value!r} is no path; give the path of a file", param, ctx)
        if "://" in str(value):
            self.fail(f"{str(value)!r} is a URL; fetch it, and give the path of the file", param, ctx)
        path = Path(os.path.expanduser(value))  # noqa: PTH111 - Path's own fails for an unknown ~user
        if not path.exists():
            self.fail(f"there is no file {str(path)!r}; name one that is there", param, ctx)
        if path.is_dir():
            self.fail(f"{str(path)!r} is a folder; name a file", param, ctx)
        if not os.access(path, os.R_OK):
            self.fail(f"{str(path)!r} may not be read by you; change its permissions, or name another", param, ctx)
        return IncludedContent(self.option, path, self.encoding)
