"""Parameters, files and configs, as people give them on the command line."""

import json
import os

import pytest

from flowstone import Client, Flow

FLOW = """
    import enum
    from flowstone import Config, IncludeFile, config_expr

    class Size(enum.Enum):
        SMALL = 1
        LARGE = 2

    def day(context):
        context.logger(f"asked for {context.flow_name}.{context.parameter_name}")
        return f"{context.user_name} {context.ds_type} {context.configs['cfg'].alpha}"

    class Ancestor(FlowSpec):
        cfg = Config("cfg", default="cfg.json")
        table = IncludeFile("table", default="table.csv", help="What to read.")

    class Train(Ancestor):
        extra = Config("extra", plain=True)
        workers = Ancestor.cfg.workers
        alpha = Parameter("alpha", default=Ancestor.cfg.alpha)
        twice = Parameter("twice", default=config_expr("cfg.alpha * 2"))
        size = Parameter("size", default=Size.SMALL)
        words = Parameter("words", separator=",", default="a,b")
        day = Parameter("day", default=day)
        lines = IncludeFile("lines", default="table.csv", parser=str.splitlines)

        @step
        def start(self):
            numbers = [self.cfg.alpha, self.workers, self.alpha, self.twice]
            self.seen = [*numbers, self.size.name, self.words, self.extra]
            self.kind = self.cfg.kind
            self.next({self.cfg.kind: self.each, "other": self.stop}, condition="kind")

        @step
        def stop(self):
            self.next(self.end)

        @step
        def each(self):
            self.next(self.line, foreach="lines")

        @step
        def line(self):
            self.text = self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            self.texts = [branch.text for branch in inputs]
            self.seen = inputs[0].cfg.to_dict()
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Train()
"""


@pytest.fixture
def train(flow_file):
    flow = flow_file(FLOW)
    folder = flow.path.parent
    (folder / "cfg.json").write_text('{"alpha": 0.5, "workers": 3, "kind": "x"}')
    (folder / "table.csv").write_text("one\ntwo ü\n")
    return flow


def run_from_elsewhere(flow, tmp_path, *arguments, **options):
    """Defaults lie beside the flow; the working folder is another."""
    folder = tmp_path / "elsewhere"
    folder.mkdir(exist_ok=True)
    output = flow.call(*arguments, cwd=folder, **options)
    return output, Flow("Train", client=Client(flow.store)).latest_run


@pytest.mark.parametrize("isolation", ["fork", "spawn", "none"])
def test_defaults_come_from_configs_files_and_functions(train, tmp_path, isolation) -> None:
    """Each kind of task sees the same, and so does the client afterwards."""
    environ = {"FLOWSTONE_USER": "ada"}
    output, run = run_from_elsewhere(train, tmp_path, "run", "--isolation", isolation, environ=environ)
    assert output.count("asked for Train.day") == 1
    assert run["start"].task.data.seen == [0.5, 3, 0.5, 1.0, "SMALL", ["a", "b"], None]
    assert run["join"].task.data.texts == ["one", "two ü"]
    assert run.parameters.table == run.data.table == "one\ntwo ü\n"
    assert run.parameters.day == "ada local 0.5"
    assert run.data.cfg == {"alpha": 0.5, "workers": 3, "kind": "x"}
    assert run.data.cfg.alpha == run.data.alpha == 0.5
    assert run.data.workers == 3


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_what_is_given_counts_in_every_task(train, tmp_path, isolation) -> None:
    """A worker in a new interpreter takes the run's configs, whatever has become of the file."""
    (tmp_path / "other.txt").write_text("three")
    value = json.dumps({"alpha": 2, "workers": 4, "kind": "other"})
    _, run = run_from_elsewhere(
        train, tmp_path, "--config-value", "cfg", value, "--config-value", "extra", "[1]",
        "run", "--isolation", isolation, "--size", "large", "--words", "c", "--day", "today", "--table",
        tmp_path / "other.txt", environ={"FLOWSTONE_RUN_TWICE": "7"},
    )  # fmt: skip
    assert run["start"].task.data.seen == [2, 4, 2, 7, "LARGE", ["c"], [1]]
    assert run.parameters.table == "three"
    assert run.parameters.day == "today"


def test_a_config_that_changes_while_a_run_goes_on_changes_nothing(train, tmp_path) -> None:
    """What was read when the run began is what the run has."""
    source = train.path.read_text().replace(
        "        self.kind = self.cfg.kind\n",
        "        self.kind = self.cfg.kind\n"
        "        open(__file__.replace('flow.py', 'cfg.json'), 'w').write('{}')\n",
    )
    train.path.write_text(source)
    _, run = run_from_elsewhere(train, tmp_path, "run", "--isolation", "spawn")
    assert (train.path.parent / "cfg.json").read_text() == "{}"
    assert run["join"].task.data.seen == {"alpha": 0.5, "workers": 3, "kind": "x"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "--size", "huge"), ["--size", "SMALL, LARGE"]),
        (("run", "--table", "nothing.csv"), ["--table", "nothing.csv"]),
        (("run", "--table", "."), ["--table", "folder"]),
        (("run", "--table", "latin.txt"), ["--table", "latin.txt", "utf-8", "byte 2", "encoding="]),
        (("--config", "cfg", "nothing.json", "run"), ["--config cfg", "nothing.json"]),
        (("--config", "cgf", "cfg.json", "run"), ["'cgf'", "cfg, extra"]),
        (("--config-value", "cfg", "{}", "run"), ["cfg.workers", "no key 'workers'"]),
        (("--config-value", "cfg", "[]", "check"), ["list", "plain=True"]),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_stored(train, arguments, words) -> None:
    """Exit code 2, no traceback, no run."""
    folder = train.path.parent
    (folder / "latin.txt").write_bytes(b"ab\xfc")
    output = train.call(*arguments, exit_code=2, cwd=folder)
    for word in words:
        assert word in output
    assert "Traceback" not in output
    assert not (train.store / "runs").exists() or not any((train.store / "runs").rglob("*.jsonl"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(train) -> None:
    """By its option."""
    secret = train.path.parent / "secret.txt"
    secret.write_text("s")
    secret.chmod(0)
    assert "may not be read" in train.call("run", "--table", secret, exit_code=2)


def test_a_default_function_that_fails_is_named_with_its_line(flow_file) -> None:
    """Nothing has run."""
    flow = flow_file("""
        class Late(FlowSpec):
            day = Parameter("day", default=lambda context: {}["day"])
            needed = Parameter("needed", required=True)

            @step
            def start(self):
                pass

        if __name__ == "__main__":
            Late()
    """)
    output = flow.call("run", "--needed", "1", exit_code=2)
    line = 1 + [text.strip()[:3] for text in flow.path.read_text().splitlines()].index("day")
    assert f"flow.py:{line}: Parameter('day')" in output
    assert f"at flow.py:{line}: KeyError: 'day'" in output
    assert "Missing option '--needed'" in flow.call("run", "--day", "1", exit_code=2)
    flow.call("run", "--day", "today", "--needed", "1")
    assert flow.latest_run().data.day == "today"


def test_the_help_shows_parameters_first_and_configs_where_they_are_given(train) -> None:
    """Types, choices and defaults; computed ones are not computed for it."""
    text = train.call("run", "--help")
    assert text.index("Parameters:") < text.index("--alpha") < text.index("Options:") < text.index("--max-workers")
    for words in ("--alpha FLOAT", "default: 0.5", "[SMALL|LARGE]", "default: SMALL", "default: (computed)",
                  "--table PATH", "What to read."):  # fmt: skip
        assert words in text
    assert "asked for" not in text
    assert "--config NAME PATH" in train.call("--help")
    (train.path.parent / "cfg.json").unlink()
    assert "default: (cfg.alpha)" in train.call("run", "--help")
    assert "cfg.json" in train.call("run", exit_code=2)
    assert "cfg.json" not in train.call("dump", exit_code=2)  # about a run that there is: no config is read


def test_a_pipe_can_be_included(train) -> None:
    """`--table <(zcat table.gz)` reads what comes."""
    train.call("run", "--table", "/dev/stdin", input="piped\n")
    assert train.latest_run().parameters.table == "piped\n"


def test_an_option_behind_the_command_is_told_where_it_belongs(train) -> None:
    """The most natural mistake."""
    output = train.call("run", "--config", "cfg", "cfg.json", exit_code=2)
    assert "--config stands before the command: flow.py --config ... run" in output
    assert "stands before" not in train.call("run", "--nothing", exit_code=2)
