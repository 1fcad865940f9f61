"""Steps with packages of conda: a real solver, a real linker, a channel that is a folder."""

import json
import shutil
from pathlib import Path

import pytest
from flow_files import FlowFile
from local_channel import LocalChannel
from local_index import LocalIndex

from flowstone import Client
from flowstone_runtime.environments.platforms import this_platform

pytest.importorskip("rattler")
if this_platform() != "linux-64":
    pytest.skip("the channel of these tests has packages for linux-64", allow_module_level=True)

HEADER = "import os\nimport sys\n\nfrom flowstone import FlowSpec, conda, conda_base, pypi, step\n"
FLOW = """
class Mixed(FlowSpec):
    @conda(packages={"condaapp": ""}, channels=["CHANNEL"])
    @step
    def start(self):
        import condaapp

        self.version = condaapp.condalib.version
        self.prefix = sys.prefix
        with open(f"{sys.prefix}/share/place") as file:
            self.place = file.read().strip()
        self.next(self.both)

    @pypi(packages={"tinyapp": ""})
    @conda(packages={"condalib": ">1,<2"}, channels=["CHANNEL"])
    @step
    def both(self):
        import condalib
        import tinyapp

        self.versions = [condalib.version, tinyapp.tinylib.version]
        self.next(self.end)

    @step
    def end(self):
        assert self.prefix != sys.prefix


if __name__ == "__main__":
    Mixed()
"""


@pytest.fixture
def channel(tmp_path: Path) -> LocalChannel:
    channel = LocalChannel(tmp_path / "channel")
    channel.fill()
    return channel


@pytest.fixture
def index(tmp_path: Path) -> LocalIndex:
    index = LocalIndex(tmp_path / "index")
    index.fill()
    return index


def write(folder: Path, channel: LocalChannel, source: str = FLOW) -> FlowFile:
    file = folder / "project" / "flow.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(HEADER + source.replace("CHANNEL", channel.url), encoding="utf-8")
    return FlowFile(file)


def test_a_step_has_packages_of_conda_and_of_an_index(tmp_path, channel, index) -> None:
    """Linked for the place where they are, locked as conda-lock does it; resumed without any channel."""
    flow = write(tmp_path, channel, FLOW.replace("assert self", "assert 'GO' in os.environ; assert self"))
    flow.call("run", environ=index.environ, exit_code=1)
    failed = flow.latest_run()
    data = failed["both"].task.data
    assert data.version == "1.1"
    assert data.versions == ["1.1", "1.1"]
    assert data.place == f"{data.prefix}/share"
    record = failed.summary.started.environments[0]
    lock = json.loads(bytes(Client(flow.store).datastore.chunks.get(record.lock.address)))
    locked = json.loads(lock["files"]["linux-64"])
    assert locked["version"] == 1
    chosen = {each["name"] for each in locked["package"] if each["manager"] == "conda"}
    assert chosen == {"condaapp", "condalib", "python"}
    for folder in (channel.folder, index.folder / "wheels", index.folder / "cache"):
        shutil.rmtree(folder)
    flow.call("resume", "start", environ={**index.environ, "UV_FIND_LINKS": "", "GO": "1"})
    assert flow.latest_run().data.versions == ["1.1", "1.1"]


def test_a_conflict_of_conda_is_shown(tmp_path, channel, index) -> None:
    """Which package is against which."""
    flow = write(tmp_path, channel, FLOW.replace('"condaapp": ""', '"condaapp": "", "condalib": "2.0"'))
    output = flow.call("run", environ=index.environ, exit_code=2)
    assert "condalib >=1,<2" in output
    assert "Traceback" not in output


def test_a_channel_that_is_not_there_is_named(tmp_path, channel, index) -> None:
    """At once."""
    flow = write(tmp_path, channel)
    shutil.rmtree(channel.folder)
    output = flow.call("run", environ=index.environ, exit_code=2)
    assert "channel" in output
    assert "Traceback" not in output


def test_a_conda_lock_of_the_users_is_followed(tmp_path, channel, index) -> None:
    """Its packages, and no others: the channel's newest plays no part."""
    flow = write(tmp_path, channel)
    flow.call("run", environ=index.environ)
    run = flow.latest_run()
    record = run.summary.started.environments[0]
    lock = json.loads(bytes(Client(flow.store).datastore.chunks.get(record.lock.address)))
    (flow.path.parent / "conda-lock.yml").write_text(lock["files"]["linux-64"])
    channel.add("noarch", "condalib", "1.2", {"site-packages/condalib.py": "version = '1.2'\n"}, ["python"])
    channel.index()
    pinned = write(tmp_path, channel, FLOW.replace('packages={"condaapp": ""}', 'lock="conda-lock.yml"', 1))
    pinned.call("run", environ=index.environ)
    assert pinned.latest_run().data.version == "1.1"
    assert "conda-lock.yml" in pinned.latest_run().code
