"""Files that a run takes in are stored as what they hold."""

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import Datastore, MemoryStorage
from flowstone_runtime import FlowSpec, IncludeFile, step
from flowstone_runtime.errors import UsageError
from flowstone_runtime.parameters.included_content import IncludedContent, save_value
from flowstone_runtime.parameters.parameter import parameters_of


def new_store():
    return Datastore.at(MemoryStorage(), create=True).artifacts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "utf-8-sig"])
@pytest.mark.parametrize("size", [0, 1, 5_000, 300_000])
def test_a_text_is_loaded_as_the_text_that_the_file_holds(tmp_path, encoding, size) -> None:
    """Whatever its encoding and size, line ends as they are."""
    text = ("a\r\nü" * size)[:size]
    file = tmp_path / "file"
    file.write_bytes(text.encode(encoding))
    store = new_store()
    artifact = IncludedContent("--f", file, encoding).save(store)
    assert store.load(artifact) == text
    assert artifact.type == "builtins.str"


@given(st.binary(max_size=70_000))
def test_bytes_are_loaded_as_they_are(tmp_path_factory, data) -> None:
    """Small and large ones."""
    file = tmp_path_factory.getbasetemp() / "bytes"
    file.write_bytes(data)
    store = new_store()
    loaded = store.load(save_value(store, IncludedContent("--f", file, None)))
    assert (loaded, type(loaded)) == (data, bytes)


@given(st.lists(st.sampled_from([b"a", "ü".encode(), "€".encode(), b"\xff", b"\xe2\x82"]), max_size=12))
def test_the_first_wrong_byte_is_named_wherever_a_piece_ends(tmp_path_factory, monkeypatch_pieces, parts) -> None:
    """A character may lie on the border of two pieces; the whole file's decoder is the oracle."""
    data = b"".join(parts)
    file = tmp_path_factory.getbasetemp() / "text"
    file.write_bytes(data)
    content = IncludedContent("--f", file, "utf-8")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        with pytest.raises(UsageError, match=rf"is no utf-8 text: {error.reason} at byte {error.start};"):
            content.save(new_store())
    else:
        store = new_store()
        assert store.load(content.save(store)) == text


@pytest.fixture(scope="module")
def monkeypatch_pieces():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flowstone_runtime.parameters.included_content._PIECE_BYTES", 2)
        yield


def test_equal_content_is_stored_once_and_under_one_address(tmp_path) -> None:
    """Whatever the files are called."""
    store = new_store()
    artifacts = []
    for name in ("one", "other"):
        (tmp_path / name).write_bytes(bytes(range(256)) * 1000)
        artifacts.append(IncludedContent("--f", tmp_path / name, None).save(store))
    assert artifacts[0] == artifacts[1]


def test_a_file_that_went_away_is_named(tmp_path) -> None:
    """Between the check of the option and the start of the run."""
    with pytest.raises(UsageError, match=r"--f: .*gone cannot be read: No such file"):
        IncludedContent("--f", tmp_path / "gone", None).save(new_store())


def parsed(parameter, *arguments, folder=None):
    command = click.Command("run", params=[parameter.option({}, folder)], callback=lambda **values: values)
    return command.main(list(arguments), standalone_mode=False)[parameter.attribute]


def test_a_default_lies_in_the_working_folder_or_beside_the_flow(tmp_path, monkeypatch) -> None:
    """Flows are started from anywhere."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (there / "x.csv").write_text("there")
    monkeypatch.chdir(here)
    for default in ("x.csv", Path("x.csv"), lambda: "x.csv", lambda context: f"{context.parameter_name}.csv"):
        parameter = IncludeFile("x", default=default)
        assert parsed(parameter, folder=there) == IncludedContent("--x", there / "x.csv", "utf-8")
    (here / "x.csv").write_text("here")
    assert parsed(IncludeFile("x", default="x.csv"), folder=there).path == Path("x.csv")


def test_a_default_that_is_not_there_matters_only_if_it_counts(tmp_path) -> None:
    """Another file may be given."""
    parameter = IncludeFile("x", default="nowhere.csv", is_text=False)
    (tmp_path / "a").write_text("")
    assert parsed(parameter, "--x", str(tmp_path / "a")) == IncludedContent("--x", tmp_path / "a", None)
    with pytest.raises(click.BadParameter, match=r"there is no file 'nowhere\.csv'"):
        parsed(parameter, folder=tmp_path)
    assert parsed(IncludeFile("x")) is None


@pytest.mark.parametrize(
    ("path", "words"), [("", "is a folder"), ("nothing", "there is no file"), ("s3://a/b", "is a URL")]
)
def test_what_is_no_file_is_refused_by_the_option(tmp_path, path, words) -> None:
    """Before anything is stored."""
    given_path = path if "://" in path else str(tmp_path / path)
    with pytest.raises(click.BadParameter, match=words):
        parsed(IncludeFile("x"), "--x", given_path)


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (IncludeFile("x", encoding="utf-9"), "no encoding 'utf-9' of texts"),
        (IncludeFile("x", encoding="base64"), "no encoding 'base64' of texts"),
        (IncludeFile("x", parser="nowhere.parse"), "'nowhere.parse' is not there"),
        (IncludeFile("x", parser="json.nothing"), "'json.nothing' is not there"),
        (IncludeFile("x", parser="parse"), "write 'module.function'"),
        (IncludeFile("x", parser="sys.path"), "no function but a list"),
        (IncludeFile("x", multiple=True), "takes one file; leave out multiple"),
        (IncludeFile("x", separator=","), "takes one file; leave out separator"),
        (IncludeFile("x", required=True, default="x"), "has no default"),
        (IncludeFile("tag"), "choose another"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(parameter, words) -> None:
    """With flow and parameter."""
    flow = type("Faulty", (FlowSpec,), {"x": parameter})
    with pytest.raises(UsageError, match=rf"^Faulty: IncludeFile\('{parameter.name}'\): .*{words}"):
        parameters_of(flow)


class Lines(FlowSpec):
    plain = IncludeFile("plain")
    lines = IncludeFile("lines", parser=str.split)
    data = IncludeFile("data", is_text=False, parser="json.loads")

    @step
    def start(self):
        self.same = self.lines is self.lines
        self.seen = (self.plain, self.data)
        self.next(self.each, foreach="lines")

    @step
    def each(self):
        self.line = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [branch.line for branch in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


def test_a_parser_sees_the_content_once_in_a_task_and_a_foreach_runs_over_its_result(bench) -> None:
    """The stored value stays the text."""
    run = bench(Lines, plain="p", lines="b a c", data=b'{"k": 1}').run()
    assert run.value("start/0", "same") is True
    assert run.value("start/0", "seen") == ("p", {"k": 1})
    assert run.value("end/0", "all") == ["b", "a", "c"]
