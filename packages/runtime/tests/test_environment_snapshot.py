"""What is installed, recorded with each run, and looked for only when it has changed."""

import json
import os
import sys
from pathlib import Path

import pytest

from flowstone_client import RunEnvironment
from flowstone_datastore import Datastore, MemoryStorage
from flowstone_runtime.environments import snapshot, snapshot_environment
from flowstone_runtime.environments.installed import describe_environment
from flowstone_runtime.environments.unkept import unkept_packages

LONG_AGO = 1_000_000_000


class Site:
    """A folder for installed packages, settled: as if nobody had touched it for long."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "site-packages"
        self.folder.mkdir()
        self.cache = tmp_path / "cache"
        self.root = tmp_path / "project"
        self.datastore = Datastore.at(MemoryStorage(), create=True)
        self._time = LONG_AGO

    def install(self, name: str, version: str = "1.0", **files: object) -> None:
        folder = self.folder / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        for file, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / (file if file.isupper() else f"{file}.json")).write_text(text)
        self._time += 1
        os.utime(self.folder, (self._time, self._time))

    def snapshot(self) -> RunEnvironment:
        ref = snapshot_environment(self.datastore, str(self.cache), self.root, [str(self.folder)])
        return RunEnvironment(self.datastore, "Flow/1", ref)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_names_versions_and_origins_are_recorded(site) -> None:
    """What an installer needs to do it again, and no password."""
    site.install("Some_Thing.x", "2.1")
    site.install("edited", direct_url={"url": "file:///home/ada/edited", "dir_info": {"editable": True}})
    site.install("built", direct_url={"url": "file:///home/ada/built", "dir_info": {}})
    commit = {"vcs": "git", "commit_id": "abc"}
    site.install("cloned", direct_url={"url": "https://ada:secret@example.com/x.git", "vcs_info": commit})
    archive = {"hashes": {"sha256": "12"}}
    site.install("wheel", direct_url={"url": "https://example.com/w.whl", "archive_info": archive})
    site.install("solved", INSTALLER="conda\n")
    site.install("strange", direct_url="[1]")
    found = site.snapshot()
    assert {name: (each.version, each.kind, each.requirement) for name, each in found.items()} == {
        "some-thing-x": ("2.1", "index", "some-thing-x==2.1"),
        "edited": ("1.0", "editable", ""),
        "built": ("1.0", "folder", ""),
        "cloned": ("1.0", "vcs", "cloned @ git+https://example.com/x.git@abc"),
        "wheel": ("1.0", "archive", "wheel @ https://example.com/w.whl"),
        "solved": ("1.0", "conda", "solved==1.0"),
        "strange": ("1.0", "folder", ""),
    }
    assert found["wheel"].revision == "sha256:12"
    assert found.python["version"] == sys.version.split()[0]
    assert "secret" not in json.dumps(found.to_json())


def test_what_has_not_changed_is_not_looked_for_again(site, monkeypatch) -> None:
    """A small run would wait longer for its list of packages than for itself."""
    site.install("one")
    before = site.snapshot()

    def refuse(_folders):
        raise AssertionError("looked again")

    with monkeypatch.context() as patch:
        patch.setattr("flowstone_runtime.environments.installed.describe_environment", refuse)
        assert site.snapshot().address == before.address
    site.install("two")
    assert set(site.snapshot()) == {"one", "two"}


def test_a_folder_that_changed_just_now_is_not_trusted(site) -> None:
    """Two installations within one tick of the clock look like one."""
    site.install("one")
    os.utime(site.folder)
    site.snapshot()
    assert not site.cache.exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"fingerprint": 1}'])
def test_a_damaged_memory_is_no_error(site, damage) -> None:
    """It is only a cache."""
    site.install("one")
    site.snapshot()
    (file,) = site.cache.iterdir()
    file.write_text(damage)
    assert set(site.snapshot()) == {"one"}


def test_a_cache_that_cannot_be_written_is_no_error(site) -> None:
    """A container may have no home."""
    site.cache.write_text("a file where a folder should be")
    site.install("one")
    assert set(site.snapshot()) == {"one"}


def test_folders_of_the_project_do_not_count(tmp_path) -> None:
    """They change whenever somebody saves a file."""
    project = tmp_path / "project"
    own, installed, beside = project / "src", project / ".venv" / "site-packages", tmp_path / "beside"
    for folder in (own, installed, beside):
        folder.mkdir(parents=True)
    path = [str(own), str(installed), str(beside), "", str(tmp_path / "gone")]
    assert snapshot._folders(path, project) == [str(installed), str(beside)]


def test_equal_environments_are_equal_text() -> None:
    """So that a thousand runs keep one list."""
    assert json.dumps(describe_environment(sys.path)) == json.dumps(describe_environment(sys.path))


def test_every_run_knows_its_environment(flow_file, tmp_path) -> None:
    """Nobody has to declare anything."""
    from flowstone_client import Client, Flow

    flow = flow_file(
        """
        class Known(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            Known()
        """
    )
    flow.call("run", environ={"XDG_CACHE_HOME": str(tmp_path / "caches")})
    run = Flow("Known", client=Client(tmp_path / ".flowstone")).latest_run
    assert run.environment["click"].version
    assert run.environment.python["implementation"] == sys.implementation.name


def test_what_a_run_cannot_keep_is_said(tmp_path) -> None:
    """An installation from a folder is recorded by its place: whoever relies on it must hear so when it runs."""
    project = tmp_path / "project"
    installed = [
        {"name": "mine", "version": "1", "kind": "editable", "url": (project / "mine").as_uri()},
        {"name": "sibling", "version": "1", "kind": "editable", "url": (tmp_path / "sibling").as_uri()},
        {"name": "lost", "version": "2", "kind": "editable", "url": (tmp_path / "lost").as_uri()},
        {"name": "copied", "version": "3", "kind": "folder", "url": (tmp_path / "copied").as_uri()},
        {"name": "flowstone-graph", "version": "1", "kind": "editable", "url": (tmp_path / "graph").as_uri()},
        {"name": "six", "version": "1"},
    ]
    document = json.dumps({"distributions": installed}, separators=(",", ":")).encode()
    said = unkept_packages(document, ["flow.py", "_outside/sibling/work.py"], project)
    assert [each.split(" was ")[0] for each in said] == ["lost 2", "copied 3"]
    assert str(tmp_path / "lost") in said[0]
    assert unkept_packages(b'{"distributions":[]}', [], project) == ()
