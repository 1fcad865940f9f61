"""A parameter whose value is the content of a file: `table = IncludeFile("table", default="table.csv")`."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowstone_runtime.configs.named_function import named_function
from flowstone_runtime.errors import UsageError
from flowstone_runtime.parameters.parameter import Parameter

if TYPE_CHECKING:
    import click


class IncludeFile(Parameter):
    """A file that the run keeps: `--name PATH` stores its content, steps read it on first use.

    What is equal is stored once, whichever run or flow stored it.

    Args:
        name: the option's name on the command line.
        required: refuse to start without a file.
        is_text: the value is a `str`; else `bytes`.
        encoding: of the text.
        help: one sentence for `run --help`.
        parser: a function, or its name (`"module.function"`), that steps see the result of.
        default: path of the file if none is given: from the working folder, else from that of the flow's
            file; or a function that gives one.
        show_default: show the default in `run --help`.
        click_options: everything else goes to `click.Option`.
    """

    def __init__(
        self,
        name: str,
        required: bool | None = None,
        is_text: bool | None = None,
        encoding: str | None = None,
        help: str | None = None,  # noqa: A002 - the name users know
        parser: Callable[[Any], Any] | str | None = None,
        default: Any = None,
        show_default: bool | None = None,
        **click_options: Any,
    ) -> None:
        super().__init__(
            name, default=default, help=help, required=required, show_default=show_default, **click_options
        )
        self.is_text = is_text is not False
        self.encoding = encoding or "utf-8"
        self.parser = parser

    def fault(self) -> str | None:
        """What is wrong with the declaration and what to do, if anything is."""
        several = {"multiple", "nargs", "is_flag", "count", "type"} & self.click_options.keys()
        if several or self.separator is not None:
            return f"it takes one file; leave out {', '.join(sorted(several)) or 'separator'}"
        try:
            "a".encode(self.encoding)
            if self.parser is not None:
                named_function(self.parser)
        except LookupError:
            return f"there is no encoding {self.encoding!r} of texts; correct it"
        except UsageError as error:
            return str(error)
        return super().fault()

    def __get__(self, flow: Any, owner: type) -> Any:
        if flow is None or self.parser is None:
            return super().__get__(flow, owner)
        context = flow._context(f"self.{self.attribute}")  # noqa: SLF001 - two halves of one thing
        return context.parsed(self.attribute, named_function(self.parser))

    def option(self, configs: Mapping[str, Any] | None = None, folder: Path | None = None) -> "click.Option":
        """The option of the `run` command, which takes a path."""
        from flowstone_runtime.parameters.included_path import IncludedPath
        from flowstone_runtime.parameters.option import parameter_option

        kind = IncludedPath(f"--{self.name}", self.encoding if self.is_text else None)
        return parameter_option(self, configs, kind, _finder(folder))


def _finder(folder: Path | None) -> Callable[[Any], Any]:
    def find(default: Any) -> Any:
        from flowstone_runtime.parameters.default_file import find_file

        return str(find_file(Path(default), folder)) if isinstance(default, str | os.PathLike) else default

    return find
