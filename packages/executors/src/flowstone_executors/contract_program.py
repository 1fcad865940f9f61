"""The program that the conformance kit has executors run: it does what its payload says."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from flowstone_executors.job import Job, inherited_job


def contract_program(job: Job) -> int:
    """Carry out the payload, a JSON list of (verb, argument) pairs, in order."""
    for verb, argument in json.loads(job.payload):
        if verb == "write":
            stream, text, times = argument
            (sys.stdout if stream == "stdout" else sys.stderr).write(text * times)
        elif verb == "result":
            job.send_result(argument.encode())
        elif verb == "variable":
            job.send_result(json.dumps(os.environ.get(argument)).encode())
        elif verb == "sleep":
            time.sleep(argument)
        elif verb == "signal":
            os.kill(os.getpid(), argument)
        elif verb == "child":
            _start_child(Path(argument))
        elif verb == "exit":
            return int(argument)
    return 0


def _start_child(pid_file: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    part = pid_file.with_suffix(".part")
    part.write_text(str(child.pid))
    part.rename(pid_file)


if __name__ == "__main__":
    sys.exit(contract_program(inherited_job(os.environ)))
