"""`flowstone env`: the environments that steps declare: lock, look at, compare, export, build, tidy up."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowstone.json_option import json_option, print_json
from flowstone.quantities import Duration, human_bytes

if TYPE_CHECKING:
    from flowstone_runtime.environments.known_environments import KnownEnvironment, Workplace

_TARGET = click.argument("target", metavar="FLOW.py|FLOW/RUN")


@click.group()
def env() -> None:
    """Look after the environments that steps declare with @pypi and @conda.

    Each takes the file of a flow, or a run: what that declares now, or what that ran in.
    """


@env.command()
@click.argument("flow", metavar="FLOW.py")
@click.option("--platform", "platforms", multiple=True, help="Lock for this platform: linux-64, osx-arm64, ...")
@click.option("--upgrade", is_flag=True, help="Choose packages anew, though there is a lock.")
@click.pass_obj
def lock(options: dict[str, str | None], flow: str, platforms: tuple[str, ...], upgrade: bool) -> None:
    """Choose packages for each environment of the flow, and remember them on this machine."""
    for each in _workplace(options, flow).of(flow, platforms, is_anew=upgrade):
        for platform in sorted(each.lock.files):
            count, key = len(each.packages(platform)), each.key(platform)
            click.echo(f"{each.name}: {count} packages for {platform}, {key}")


@env.command()
@_TARGET
@json_option
@click.pass_obj
def show(options: dict[str, str | None], target: str, as_json: bool) -> None:
    """List the packages of each environment."""
    found = _workplace(options, target).of(target)
    if as_json:
        print_json([_described(each) for each in found])
        return
    for each in found:
        click.echo(f"{each.name}: Python {each.lock.python}, {', '.join(sorted(each.lock.files))}")
        for line in _lines(each).values():
            click.echo(f"  {line}")


@env.command()
@click.argument("one", metavar="FLOW.py|FLOW/RUN")
@click.argument("other", metavar="FLOW.py|FLOW/RUN")
@click.pass_obj
def diff(options: dict[str, str | None], one: str, other: str) -> int:
    """Say which packages differ, step by step. Ends with 1 if any does."""
    first, second = (_by_step(_workplace(options, each).of(each)) for each in (one, other))
    is_different = False
    for step in sorted({*first, *second}):
        before, after = first.get(step, {}), second.get(step, {})
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                is_different = True
                click.echo(f"{step}: {before.get(name, '-')} -> {after.get(name, '-')}")
    return 1 if is_different else 0


@env.command()
@_TARGET
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--requirements", "is_pinned_list", is_flag=True, help="As pip's requirements.txt, with hashes.")
@click.pass_obj
def export(options: dict[str, str | None], target: str, folder: Path, is_pinned_list: bool) -> None:
    """Write each environment's lock for each platform into a folder, as a pylock.toml: for uv, for reviews."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in _workplace(options, target).of(target):
        for platform, text in sorted(each.lock.files.items()):
            name = f"{each.name}-{platform}"
            file = folder / (f"{name}.txt" if is_pinned_list else f"pylock.{name}.toml")
            pinned = "".join(f"{p.name}=={p.version} --hash=sha256:{p.sha256}\n" for p in each.packages(platform))
            file.write_text(pinned if is_pinned_list else text, encoding="utf-8")
            click.echo(file)


@env.command()
@_TARGET
@click.option("--step", help="That of this step only.")
@click.pass_obj
def materialise(options: dict[str, str | None], target: str, step: str | None) -> None:
    """Build each environment on this machine, and print where its Python is.

    That of a run needs no index: the store has its packages.
    """
    place = _workplace(options, target)
    for each in place.of(target):
        if step is None or step in each.steps:
            click.echo(f"{each.name}: {place.build(each) / 'bin' / 'python'}")


@env.command()
@click.option("--unused", type=Duration(), default="30d", show_default=True, help="Not used for so long.")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.pass_obj
def gc(options: dict[str, str | None], unused: float, dry_run: bool) -> None:
    """Delete environments and packages of this machine that were not used for a while.

    Runs lose nothing: stores keep the packages of their runs, and what is needed is built again.
    """
    from flowstone_runtime.environments.cleaning import remove_unused, unused_environments

    before = time.time() - unused
    count = size = 0
    for each in unused_environments(Path(_workplace(options).settings.environments_folder), before):
        if dry_run or remove_unused(each, before):
            count, size = count + 1, size + each.size_bytes
    click.echo(f"{'would delete' if dry_run else 'deleted'} {count} folders, {human_bytes(size)}")


def _workplace(options: dict[str, str | None], target: str = "") -> "Workplace":
    """For a flow's file, with the settings of its project; where there is no store, nothing is stored."""
    from flowstone_client.settings import Settings
    from flowstone_datastore import Datastore, NotAStoreError
    from flowstone_runtime.environments.known_environments import Workplace

    folder = Path(target).resolve().parent if target.endswith(".py") else Path.cwd()
    settings = Settings.load(folder, os.environ, options)
    try:
        datastore = Datastore.open(settings.store, cache=settings.cache)
    except NotAStoreError:
        datastore = Datastore.open("memory://", create=True)
    return Workplace(settings, datastore, os.environ)


def _lines(environment: "KnownEnvironment") -> dict[str, str]:
    """A line for each package, by its name; what is not on every platform says where it is."""
    found: dict[str, dict[str, list[str]]] = {}
    for platform in sorted(environment.lock.files):
        for package in environment.packages(platform):
            found.setdefault(package.name, {}).setdefault(package.version, []).append(platform)
    return {
        name: ", ".join(
            f"{name} {version}" + ("" if len(where) == len(environment.lock.files) else f" ({' '.join(where)})")
            for version, where in versions.items()
        )
        for name, versions in sorted(found.items())
    }


def _by_step(environments: tuple["KnownEnvironment", ...]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for each in environments:
        lines = {"python": f"Python {each.lock.python}", **_lines(each)}
        found.update(dict.fromkeys(each.steps, lines))
    return found


def _described(environment: "KnownEnvironment") -> dict[str, Any]:
    platforms = sorted(environment.lock.files)
    return {
        "steps": list(environment.steps),
        "python": environment.lock.python,
        "requirements": list(environment.lock.request.requirements),
        "own": list(environment.lock.request.own),
        "platforms": {
            platform: {
                "key": environment.key(platform),
                "packages": [
                    {"name": each.name, "version": each.version, "file": each.file_name, "sha256": each.sha256}
                    for each in environment.packages(platform)
                ],
            }
            for platform in platforms
        },
    }
