"""`python flow.py package`: the code that a run keeps."""

import inspect
import sys
from collections.abc import Collection
from pathlib import Path

import click

from flowstone_runtime.code.archive import write_archive
from flowstone_runtime.code.package import code_files
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.command_line.group import CommandGroup
from flowstone_runtime.command_line.run_target import find_run
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.errors import UsageError
from flowstone_runtime.flowspec import FlowSpec


def command(flow: type[FlowSpec]) -> click.Command:
    """The commands `package list` and `package save`."""
    return CommandGroup("package", help="See the code that a run keeps.", commands=[_list(), _save()])


def _list() -> click.Command:
    @click.pass_obj
    def show(context: CommandContext, /, run: str | None, as_json: bool) -> None:
        sizes = {path: len(data) for path, data in _kept(context, run)[0].items()}
        if as_json:
            print_json(sizes)
            return
        for path, size in sizes.items():
            click.echo(f"{size:>10}  {path}")

    return click.Command(
        "list",
        callback=show,
        help="List the files that a run would keep now, or that one has kept, with their bytes.",
        params=[_run_option(), json_option()],
    )


def _save() -> click.Command:
    @click.pass_obj
    def save(context: CommandContext, /, file: Path, run: str | None) -> None:
        contents, programs = _kept(context, run)
        try:
            write_archive(file, contents, programs)
        except OSError as error:
            raise UsageError(f"{file} cannot be written: {error.strerror}; name another file") from error
        if not context.is_quiet:
            click.echo(f"{file}: {len(contents)} {'file' if len(contents) == 1 else 'files'}")

    return click.Command(
        "save",
        callback=save,
        help="Write these files into an archive (.tar.gz). Equal code makes equal archives.",
        params=[click.Argument(["file"], type=click.Path(dir_okay=False, path_type=Path)), _run_option()],
    )


def _run_option() -> click.Option:
    return click.Option(
        ["--run-id", "run"], metavar="RUN", help="The code of this run; else the code as it is now."
    )


def _kept(context: CommandContext, run_id: str | None) -> tuple[dict[str, bytes], Collection[str]]:
    """The bytes of each file, by its path relative to the project's root, and which files are programs."""
    if run_id is not None:
        code = find_run(context, run_id).code
        return {path: code.data(path) for path in code}, code.executable
    settings = context.settings
    flow_file = Path(inspect.getfile(context.flow)).resolve()
    now = code_files(flow_file, settings.project_root, sys.modules, settings.package)
    return {path: file.read_bytes() for path, file in now.files.items()}, now.executable
