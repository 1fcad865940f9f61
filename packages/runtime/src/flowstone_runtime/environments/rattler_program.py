"""py-rattler in a process of its own: `python -m flowstone_runtime.environments.rattler_program ANSWER`.

It has an event loop and threads, which a process that forks must not have, and now and then it crashes when its
interpreter ends. So its answer counts, which is written before, and not its exit code.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

_RETRIES = 1


async def solve(question: dict[str, Any]) -> list[dict[str, Any]]:
    """The packages that fit `specs` from `channels` on `platform`, with `virtual` packages as [name, version]."""
    import rattler  # type: ignore[import-not-found,unused-ignore]  # optional

    client = rattler.Client.default_client(max_retries=_RETRIES, timeout=30)
    gateway = rattler.Gateway(cache_dir=Path(question["cache"]) / "repodata", client=client)
    virtual = [
        rattler.GenericVirtualPackage(
            rattler.PackageName(name), rattler.Version(version), rattler.BuildString(build)
        )
        for name, version, build in question["virtual"]
    ]
    found = await rattler.solve(
        sources=[rattler.Channel(channel) for channel in question["channels"]],
        specs=question["specs"],
        gateway=gateway,
        platforms=[question["platform"], "noarch"],
        virtual_packages=virtual,
    )
    return [
        {
            "name": each.name.normalized,
            "version": str(each.version),
            "build": str(each.build),
            "url": each.url,
            "sha256": each.sha256.hex() if each.sha256 else "",
            "md5": each.md5.hex() if each.md5 else "",
            "depends": list(each.depends),
        }
        for each in found
    ]


async def link(question: dict[str, Any]) -> None:
    """Install `files` into `new` as if it were `final`."""
    import rattler  # type: ignore[import-not-found,unused-ignore]  # optional

    records = [await rattler.RepoDataRecord.from_package_archive(file) for file in question["files"]]
    await rattler.install(
        records,
        target_prefix=question["new"],
        alternative_target_prefix=question["final"],
        cache_dir=Path(question["cache"]) / "packages",
        show_progress=False,
    )


def main(answer: Path) -> None:
    """Answer the question on standard input, as JSON: `{"found": ...}` or `{"fault": text}`."""
    question = json.load(sys.stdin)
    verb = {"solve": solve, "link": link}[question["verb"]]
    try:
        said: dict[str, Any] = {"found": asyncio.run(verb(question))}
    except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked is told
        said = {"fault": " ".join(str(error).split()) or type(error).__name__}
    answer.write_text(json.dumps(said), encoding="utf-8")
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
