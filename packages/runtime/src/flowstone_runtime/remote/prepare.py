"""Before tasks of a run can run elsewhere: pack what they need, store it, and say where it is."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

import attrs

from flowstone_datastore import Code, Datastore
from flowstone_runtime.remote.archive import Archive, put_archive
from flowstone_runtime.remote.bundle import distribution_files, worker_files
from flowstone_runtime.remote.known_archives import KnownArchives
from flowstone_runtime.remote.launch import Launch, LaunchRef, put_launch

_TOOLS = {"pypi": ("uv",), "conda": ("uv", "py-rattler")}
"""By kind of environment: the distributions that build it."""


@attrs.frozen
class StartedFile:
    """The file that was started, which need not be that of the flow."""

    path: str
    """In the code of the run."""
    module: str | None = None
    """Its module name where it is part of a package."""


def started_file(code: Code, project_root: Path, main_file: Path, module: str | None) -> StartedFile:
    """Where a far worker finds what was started; the flow's own file if the code has nothing else to start."""
    main = main_file.resolve()
    path = main.relative_to(project_root).as_posix() if main.is_relative_to(project_root) else ""
    return StartedFile(path, module) if path in code.files else StartedFile(code.flow_file)


def prepare_launch(
    datastore: Datastore,
    code: Code,
    started: StartedFile,
    memory: Path | None = None,
    environments: Collection[str] = (),
) -> LaunchRef:
    """Store what a far worker needs of this machine, and the launch document; what is stored is not packed again.

    `memory` is a folder of this machine in which to remember what was packed; `environments` are the kinds of
    environments that tasks will have to build.

    Raises:
        PartMissingError: what builds environments is not installed here.
        StorageError: the store could not be written.
    """
    known = KnownArchives(memory)
    storage = datastore.storage
    tools = sorted({name for kind in environments for name in _TOOLS.get(kind, ())})
    launch = Launch(
        store=datastore.url,
        bundle=known.of_files(storage, worker_files(datastore.url)),
        code=known.of_content(storage, f"{datastore.url} {code.key}", partial(_put_code, datastore, code)),
        main_file=started.path,
        main_module=started.module,
        import_folders=code.import_folders,
        tools=known.of_files(storage, distribution_files(tools)) if tools else None,
    )
    return put_launch(storage, launch)


def _put_code(datastore: Datastore, code: Code) -> Archive:
    contents = {
        path: bytes(datastore.chunks.get(chunk.address, size=chunk.size, artifact=f"the code ({path})"))
        for path, chunk in code.files.items()
    }
    return put_archive(datastore.storage, contents, code.executable)
