"""`python flow.py tag`: the tags of runs."""

from collections.abc import Iterable, Mapping
from itertools import islice

import click

from flowstone_client import Run
from flowstone_runtime.command_line.context import CommandContext
from flowstone_runtime.command_line.group import CommandGroup
from flowstone_runtime.command_line.run_target import LATEST, find_run, flow_runs
from flowstone_runtime.commands.json_option import json_option, print_json
from flowstone_runtime.flowspec import FlowSpec


def command(flow: type[FlowSpec]) -> click.Command:
    """The commands `tag add`, `tag remove`, `tag replace` and `tag list`."""
    return CommandGroup(
        "tag",
        help="Tag runs, and see how they are tagged.",
        commands=[_add(), _remove(), _replace(), _list()],
    )


def _add() -> click.Command:
    @click.pass_obj
    def add(context: CommandContext, /, run: str, tags: tuple[str, ...], as_json: bool) -> None:
        _change(context, run, (), tags, as_json=as_json)

    return click.Command(
        "add", callback=add, help="Give a run tags.", params=[_run_option(), _tags_argument(), json_option()]
    )


def _remove() -> click.Command:
    @click.pass_obj
    def remove(context: CommandContext, /, run: str, tags: tuple[str, ...], as_json: bool) -> None:
        _change(context, run, tags, (), as_json=as_json)

    return click.Command(
        "remove",
        callback=remove,
        help="Take tags from a run.",
        params=[_run_option(), _tags_argument(), json_option()],
    )


def _replace() -> click.Command:
    @click.pass_obj
    def replace(
        context: CommandContext, /, run: str, add: tuple[str, ...], remove: tuple[str, ...], as_json: bool
    ) -> None:
        _change(context, run, remove, add, as_json=as_json)

    return click.Command(
        "replace",
        callback=replace,
        help="Take tags from a run and give it others, in one go.",
        params=[
            _run_option(),
            click.Option(["--remove"], multiple=True, required=True, metavar="TAG", help="Goes; repeatable."),
            click.Option(["--add"], multiple=True, required=True, metavar="TAG", help="Comes; repeatable."),
            json_option(),
        ],
    )


def _list() -> click.Command:
    @click.pass_obj
    def show(
        context: CommandContext,
        /,
        run: str,
        every: bool,
        mine: bool,
        hide_system_tags: bool,
        group_by_tag: bool,
        limit: int,
        as_json: bool,
    ) -> None:
        runs = [find_run(context, run)] if not every and not mine else islice(_runs(context, mine=mine), limit)
        tags = {found.id: sorted(found.user_tags if hide_system_tags else found.tags) for found in runs}
        _print_by_tag(tags, as_json=as_json) if group_by_tag else _print_by_run(tags, as_json=as_json)

    return click.Command(
        "list",
        callback=show,
        help="Show the tags of a run, or of the newest runs.",
        params=[
            _run_option(),
            click.Option(["--all", "every"], is_flag=True, help="Of the newest runs of everybody."),
            click.Option(["--my-runs", "mine"], is_flag=True, help="Of your newest runs."),
            click.Option(["--hide-system-tags"], is_flag=True, help="Only tags that people gave."),
            click.Option(["--group-by-tag"], is_flag=True, help="For each tag, the runs that have it."),
            click.Option(
                ["--limit"],
                type=click.IntRange(min=1),
                default=100,
                show_default=True,
                help="At most so many runs.",
            ),
            json_option(),
        ],
    )


def _run_option() -> click.Option:
    return click.Option(["--run-id", "run"], default=LATEST, metavar="RUN", help="Which run; else the newest.")


def _tags_argument() -> click.Argument:
    return click.Argument(["tags"], nargs=-1, required=True, metavar="TAG...")


def _change(
    context: CommandContext, run_id: str, removed: Iterable[str], added: Iterable[str], *, as_json: bool
) -> None:
    run = find_run(context, run_id)
    run.replace_tags(removed, added)
    if as_json:
        print_json(
            {"run": run.pathspec, "user_tags": sorted(run.user_tags), "system_tags": sorted(run.system_tags)}
        )
    elif not context.is_quiet:
        click.echo(f"{run.pathspec}: {', '.join(sorted(run.user_tags)) or 'no tags'}")


def _runs(context: CommandContext, *, mine: bool) -> Iterable[Run]:
    runs = flow_runs(context)
    return (run for run in runs if run.user == context.settings.user) if mine else runs


def _print_by_run(tags: Mapping[str, list[str]], *, as_json: bool) -> None:
    if as_json:
        print_json(tags)
        return
    for run_id, of_run in tags.items():
        click.echo(f"{run_id}  {', '.join(of_run)}".rstrip())


def _print_by_tag(tags: Mapping[str, list[str]], *, as_json: bool) -> None:
    runs: dict[str, list[str]] = {}
    for run_id, of_run in tags.items():
        for tag in of_run:
            runs.setdefault(tag, []).append(run_id)
    if as_json:
        print_json(dict(sorted(runs.items())))
        return
    for tag, with_tag in sorted(runs.items()):
        click.echo(f"{tag}  {', '.join(with_tag)}")
