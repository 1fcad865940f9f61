"""A sandbox starts once, tells where it is, is for its user alone, and leaves nothing behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import attrs
import click.testing
import pytest

from flowstone_interfaces import toml
from flowstone_sandbox import Folders, SandboxOptions
from flowstone_sandbox.client import SandboxClient
from flowstone_sandbox.command import sandbox as command
from flowstone_sandbox.errors import (
    ForeignFileError,
    PortTakenError,
    SandboxNotRunningError,
    SandboxRunningError,
    WrongMotoError,
)
from flowstone_sandbox.launch import find_running, start, stop
from flowstone_sandbox.moto_version import check_moto

OPTIONS = attrs.evolve(SandboxOptions(), path=os.environ["PATH"])


@pytest.fixture
def folders(tmp_path):
    found = Folders(
        tmp_path / "state" / "flowstone" / "sandbox", tmp_path / "config" / "flowstone" / "sandbox.toml"
    )
    yield found
    with contextlib.suppress(SandboxNotRunningError):
        stop(found)


def is_there(pid):
    """False for what is dead and only waits to be taken note of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run_a_sleeper(running, out):
    """Start a job that would sleep for long; its process."""
    batch = SandboxClient(running).boto3("batch")
    amounts = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
    properties = {
        "image": "any",
        "command": ["sh", "-c", f"echo $$ > {out}; sleep 600"],
        "resourceRequirements": amounts,
    }
    batch.register_job_definition(jobDefinitionName="sleeper", type="container", containerProperties=properties)
    batch.submit_job(jobName="sleeper", jobQueue="sandbox", jobDefinition="sleeper")
    wait_until(lambda: out.exists() and out.read_text().endswith("\n"))
    return int(out.read_text())


def test_two_commands_take_a_user_there_and_back(tmp_path):
    """start, env, status, a second start, logs, reset, stop: as typed, with one sentence for what goes wrong."""
    home = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}

    def flowstone(*words):
        runner = click.testing.CliRunner(
            env={**home, "AWS_PROFILE": "somebody", "AWS_ENDPOINT_URL": "http://0.0.0.0"}
        )
        return runner.invoke(command, words, standalone_mode=False)

    assert flowstone("status").return_value == 1
    began = flowstone("start")
    try:
        assert "is ready at http://127.0.0.1:" in began.output, began.exception
        profile = tmp_path / "config" / "flowstone" / "sandbox.toml"
        settings = toml.loads(profile.read_text())
        variables = json.loads(flowstone("env", "--json").output)
        assert settings == {
            "store": f"s3://flowstone/store?endpoint_url={variables['AWS_ENDPOINT_URL']}&region=us-east-1",
            "batch": {"queue": "sandbox"},
        }
        shell = f"{flowstone('env').output}\nenv"
        printed = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout
        assert f"AWS_ACCESS_KEY_ID={variables['AWS_ACCESS_KEY_ID']}" in printed.splitlines()
        again = flowstone("start")
        assert isinstance(again.exception, SandboxRunningError)
        assert "runs already at http://127.0.0.1:" in str(again.exception)
        code = (
            "import boto3; boto3.client('s3').put_object(Bucket='flowstone', Key='k', Body=b'');"
            "boto3.client('sts').get_caller_identity(); boto3.client('secretsmanager').list_secrets()"
        )
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **variables}, check=True)
        there = [
            sys.executable,
            "-m",
            "flowstone_sandbox",
            "run",
            sys.executable,
            "-c",
            "import boto3, sys; print(boto3.client('s3').head_bucket(Bucket=sys.argv[1]))",
            "flowstone",
        ]
        subprocess.run(there, env={**os.environ, **home, "AWS_PROFILE": "somebody"}, check=True)
        assert flowstone("status").output.startswith("running at http://127.0.0.1:")
        assert "ready at http://127.0.0.1:" in flowstone("logs").output
        assert "is as new" in flowstone("reset").output
        listed = "import boto3; print(boto3.client('s3').list_objects_v2(Bucket='flowstone')['KeyCount'])"
        done = subprocess.run(
            [sys.executable, "-c", listed], env={**os.environ, **variables}, capture_output=True, check=True
        )
        assert done.stdout == b"0\n"
    finally:
        assert "stopped http://127.0.0.1:" in flowstone("stop").output
    assert not profile.exists()
    assert isinstance(flowstone("stop").exception, SandboxNotRunningError)
    assert "start one with: flowstone sandbox start" in str(flowstone("env").exception)


def listening_addresses(port):
    with open("/proc/net/tcp") as table:  # noqa: PTH123
        rows = [line.split() for line in table][1:]
    with open("/proc/net/tcp6") as table:  # noqa: PTH123
        rows += [line.split() for line in table][1:]
    ends = [row[1].split(":") for row in rows if row[3] == "0A"]
    return {address for address, found in ends if int(found, 16) == port}


def start_twice_at_once(folders):
    """One wins, the other says so: there are never two."""
    code = (
        "import os, sys; from pathlib import Path; from flowstone_sandbox import *;"
        "from flowstone_sandbox.launch import start;"
        "start(Folders(Path(sys.argv[1]), Path(sys.argv[2])), SandboxOptions(path=os.environ['PATH']), os.environ)"
    )
    words = [sys.executable, "-c", code, str(folders.state), str(folders.profile)]
    both = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate()[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    assert "runs already" in "".join(errors)
    return find_running(folders)


def test_it_is_for_its_user_alone_and_takes_its_jobs_with_it_however_it_ends(folders, tmp_path):
    """Nobody else may tell it what to run; it is there once; after kill -9 nothing hangs and nothing is left."""
    first = start_twice_at_once(folders)
    assert folders.state.stat().st_mode & 0o777 == 0o700
    for file in (folders.running, folders.profile, folders.log, folders.lock):
        assert file.stat().st_mode & 0o077 == 0, file
    assert listening_addresses(first.port) == {"0100007F"}  # 127.0.0.1
    assert first.credentials.secret not in repr(first) + folders.log.read_text()
    job = run_a_sleeper(first, tmp_path / "first")
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: not is_there(job))
    with pytest.raises(SandboxNotRunningError):
        stop(folders)
    assert not folders.profile.exists()  # it would point to nobody
    second = start(folders, OPTIONS, os.environ)
    assert find_running(folders) == second != first
    assert sum(SandboxClient(second).status()["jobs"].values()) == 0
    job = run_a_sleeper(second, tmp_path / "second")
    stop(folders)
    assert not is_there(job)
    wait_until(lambda: not is_there(second.pid))
    assert not folders.temporary.exists()
    assert not folders.running.exists()


def test_a_taken_port_is_told_in_one_sentence(folders):
    """With the port, and what to do; nothing is left of the try."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            PortTakenError, match=f"port {port} of 127.0.0.1 cannot be had: Address already in use"
        ):
            start(folders, attrs.evolve(OPTIONS, port=port), os.environ)
    assert not folders.profile.exists()
    with pytest.raises(SandboxNotRunningError):
        find_running(folders)


def test_a_profile_of_the_users_own_is_not_touched(folders):
    """Its name may have been taken before."""
    folders.profile.parent.mkdir(parents=True)
    folders.profile.write_text('store = "mine"\n')
    with pytest.raises(ForeignFileError, match="was not written by a sandbox"):
        start(folders, OPTIONS, os.environ)
    assert folders.profile.read_text() == 'store = "mine"\n'


def test_another_moto_is_refused():
    """The sandbox uses what moto does not promise to keep."""
    check_moto()
    with pytest.raises(WrongMotoError, match="pip install"):
        check_moto("0.0.1")
