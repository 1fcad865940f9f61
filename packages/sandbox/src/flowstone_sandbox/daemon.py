"""The sandbox's own process: `python -m flowstone_sandbox.daemon`, started by `flowstone sandbox start`.

It inherits the lock of its folder, which the system lets go of when the process ends, however that happens; and a
pipe, on which it says in one JSON line that all is ready, or why not.
"""

import json
import logging
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from flowstone_interfaces import FlowstoneError
from flowstone_sandbox.options import Folders, SandboxOptions
from flowstone_sandbox.private_files import write_private
from flowstone_sandbox.profile import remove_profile, write_profile
from flowstone_sandbox.server import serving

_log = logging.getLogger("flowstone_sandbox")


def main(given: dict[str, Any], told: int) -> None:
    """Serve until SIGTERM or SIGINT comes."""
    folders = Folders(Path(given["state"]), Path(given["profile"]))
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    _log.setLevel(logging.INFO)
    logging.getLogger("moto").setLevel(logging.CRITICAL)  # a failed execution says why itself, in fewer words
    options = SandboxOptions.from_json(given["options"])
    try:
        with serving(options, folders) as running:
            write_private(folders.running, json.dumps(running.as_json()))
            write_profile(folders.profile, running)
            _log.info("ready at %s, process %d", running.url, running.pid)
            _tell(told, {"ready": running.as_json()})
            ended.wait()
            _log.info("stopping")
    except FlowstoneError as error:
        _log.info("%s", error)
        _tell(told, {"error": [type(error).__name__, *error.args]})
    finally:
        shutil.rmtree(folders.temporary, ignore_errors=True)
        folders.running.unlink(missing_ok=True)
        remove_profile(folders.profile)


def _tell(told: int, message: dict[str, Any]) -> None:
    with os.fdopen(told, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(message) + "\n")


if __name__ == "__main__":
    if os.fork():  # whoever starts it, and lives on, is not its parent
        os._exit(0)
    try:
        main(json.loads(sys.argv[1]), int(sys.argv[2]))
    except Exception:  # noqa: BLE001 -- whatever it is, the log has it
        _log.exception("the sandbox failed")
    finally:
        sys.stderr.flush()
        os._exit(0)  # all is tidied up; to take moto apart, object by object, would take a second
