"""`flowstone sandbox`: a cloud on this machine, started, looked at and stopped."""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flowstone_sandbox.options import Folders, Running


@click.group()
def sandbox() -> None:
    """An AWS-like cloud on 127.0.0.1, to try every cloud feature with no account."""


def _folders() -> "Folders":
    from flowstone_sandbox.launch import default_folders

    return default_folders(os.environ)


def _images(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        name, equals, folder = value.rpartition("=")
        if not equals or not name or not Path(folder).is_dir():
            raise click.BadParameter(f"{value!r} is not NAME=FOLDER with a folder that exists")
        found[name] = str(Path(folder).absolute())
    return found


@sandbox.command("start")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Listen here; by default on any free port.")
@click.option(
    "--vcpus", type=click.FloatRange(min=1), default=64, show_default=True, help="What jobs may ask for."
)
@click.option("--memory-gib", type=click.IntRange(min=1), default=256, show_default=True, help="As well.")
@click.option("--gpus", type=click.IntRange(min=0), default=8, show_default=True, help="As well.")
@click.option("--slots", type=click.IntRange(min=1), help="How many jobs run at once; by default two per core.")
@click.option(
    "--image",
    "images",
    metavar="NAME=FOLDER",
    multiple=True,
    callback=_images,
    help="Jobs with this image find programs in FOLDER first; repeatable.",
)
def start(port: int, vcpus: float, memory_gib: int, gpus: int, slots: int | None, images: dict[str, str]) -> None:
    """Start it, in the background, and say how to use it.

    What jobs may ask for is counted, not there: the machine is as large as it is.
    Everything is gone when it stops.
    """
    from flowstone_sandbox import launch
    from flowstone_sandbox.options import SandboxOptions

    here = str(Path(sys.executable).parent)
    options = SandboxOptions(
        port=port,
        vcpus=vcpus,
        memory_mib=memory_gib << 10,
        gpus=gpus,
        slots=slots or max(4, 2 * (os.cpu_count() or 1)),
        images=images,
        path=os.pathsep.join((here, os.environ.get("PATH", SandboxOptions().path))),
    )
    folders = _folders()
    running = launch.start(folders, options, os.environ)
    click.echo(f"The sandbox is ready at {running.url} (process {running.pid}), for this user alone.")
    click.echo(f"Profile   {folders.profile}")
    click.echo(f"Store     {running.store}")
    click.echo("To run a command against it:  flowstone sandbox run COMMAND...")
    click.echo('To use it in a shell:         eval "$(flowstone sandbox env)"')


@sandbox.command("env")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def env(as_json: bool) -> None:
    """Print the settings that point flowstone and boto3 to it, as a shell takes them."""
    from flowstone_sandbox.launch import find_running

    folders = _folders()
    variables = find_running(folders).settings(folders.profile.stem)
    if as_json:
        click.echo(json.dumps(variables))
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@sandbox.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def run(words: tuple[str, ...]) -> None:
    """Run a command with the settings that point flowstone and boto3 to it."""
    from flowstone_sandbox.launch import find_running

    folders = _folders()
    settings = find_running(folders).settings(folders.profile.stem)
    kept = {name: value for name, value in os.environ.items() if name != "AWS_PROFILE"}
    try:
        os.execvpe(words[0], words, {**kept, **settings})  # noqa: S606 -- a command, not a shell's line
    except OSError as error:
        raise click.UsageError(f"{words[0]} cannot be run: {error.strerror}") from error


@sandbox.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> int:
    """Say whether it runs, and how its jobs stand. The exit code is 1 if it does not run."""
    from flowstone_sandbox.client import SandboxClient
    from flowstone_sandbox.errors import SandboxNotRunningError
    from flowstone_sandbox.launch import find_running

    try:
        running = find_running(_folders())
    except SandboxNotRunningError as error:
        click.echo(json.dumps({"running": False}) if as_json else str(error))
        return 1
    told = SandboxClient(running).status()
    if as_json:
        click.echo(json.dumps({"running": True, "url": running.url, "pid": running.pid, **told}))
        return 0
    click.echo(f"running at {running.url} (process {running.pid})")
    counts = {name.lower(): count for name, count in told["jobs"].items() if count}
    click.echo("jobs: " + (", ".join(f"{count} {name}" for name, count in counts.items()) or "none yet"))
    return 0


@sandbox.command("stop")
def stop() -> None:
    """Stop it, with all jobs that run; what it kept is gone."""
    from flowstone_sandbox import launch

    running = launch.stop(_folders())
    click.echo(f"stopped {running.url}")


@sandbox.command("reset")
def reset() -> None:
    """End all jobs and forget everything, without a new start."""
    from flowstone_sandbox.client import SandboxClient
    from flowstone_sandbox.launch import find_running

    running = find_running(_folders())
    SandboxClient(running).reset()
    click.echo(f"{running.url} is as new")


@sandbox.command("logs")
@click.argument("job", required=False)
def logs(job: str | None) -> None:
    """Print what a job printed, of its last attempt; without JOB, what the sandbox itself says."""
    from flowstone_sandbox.launch import find_running

    folders = _folders()
    if job is None:
        if folders.log.exists():
            click.echo(folders.log.read_text(encoding="utf-8", errors="replace"), nl=False)
        return
    for line in _lines_of(find_running(folders), job):
        click.echo(line)


def _lines_of(running: "Running", job: str) -> list[str]:
    from flowstone_sandbox.client import SandboxClient
    from flowstone_sandbox.errors import SandboxRequestError
    from flowstone_sandbox.logs import BATCH_GROUP

    client = SandboxClient(running)
    found = client.boto3("batch").describe_jobs(jobs=[job])["jobs"]
    if not found:
        raise SandboxRequestError("logs", f"there is no job {job!r}")
    stream = found[0].get("container", {}).get("logStreamName")
    lines: list[str] = []
    token: dict[str, str] = {}
    while stream is not None:
        page = client.boto3("logs").get_log_events(
            logGroupName=BATCH_GROUP, logStreamName=stream, startFromHead=True, **token
        )
        lines += [event["message"] for event in page["events"]]
        if page["nextForwardToken"] == token.get("nextToken") or not page["events"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
    return lines
