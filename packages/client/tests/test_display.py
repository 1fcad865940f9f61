import subprocess
import sys
from html.parser import HTMLParser

import pytest

from flowstone_client import Client, DataArtifact, Flow, Run, Step, Task
from flowstone_client.layers import layers

GRAPH = {
    "start": "start",
    "end": "end",
    "nodes": [
        {"name": "start", "targets": ["fit"]},
        {"name": "fit", "targets": ["join"]},
        {"name": "join", "targets": ["fit", "end"]},
        {"name": "end", "targets": []},
    ],
}
EVIL = "<script>alert('&\"')</script>"


class Words(HTMLParser):
    """The texts of a page, and whether its tags close."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.texts = [], set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in ("path", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.texts.append(data)


def words(shown):
    page = Words()
    page.feed(shown._repr_html_())
    page.close()
    assert not page.open
    assert "script" not in page.tags
    return " | ".join(page.texts)


@pytest.fixture
def written(new_run):
    written = new_run()
    written.start({"alpha": 0.1, "note": EVIL}, graph=GRAPH, tags=(EVIL,), user=EVIL, system_tags=("user:ann",))
    written.run_task("start", values={"rows": [1, 2]})
    written.run_task("fit", "0", values={"model": {"w": 1}, "text": EVIL})
    written.start_task("fit", "1")
    written.fail_task("fit", "1", message=EVIL)
    return written


def test_a_run_shows_its_graph_and_what_became_of_each_step(written, client):
    """What one wants to know first."""
    shown = words(Run("Train/1", client=client))
    assert "Run Train/1 | running" in shown
    assert "1 finished, 1.0 s | start" in shown
    assert "1 finished, 1 failed, 1.0 s | fit" in shown
    assert "not begun | join" in shown
    assert "alpha | float | 21 B | 0.1" in shown
    assert "Train/1/fit/1" in shown
    assert EVIL in shown


def test_a_run_that_has_ended_shows_what_it_left(written, client):
    """Types, sizes, and small values."""
    written.run_task("join")
    written.run_task("end", values={"auc": 0.93, "model": {"w": 1}})
    written.end("failed", EVIL)
    shown = words(Run("Train/1", client=client))
    assert "auc | float" in shown
    assert "0.93" in shown
    assert "model | dict" in shown


def test_a_run_that_has_not_begun_says_so(new_run, client):
    """Its id is all that there is."""
    new_run("7")
    assert words(Run("Train/7", client=client)) == "Run Train/7 | not begun"


def test_everything_has_a_display(written, client):
    """And nothing of it is HTML that somebody else wrote."""
    assert "1 | running" in words(Flow("Train", client=client))
    assert "KeyError: <script>" in words(Step("Train/1/fit", client=client))
    task = Task("Train/1/fit/1", client=client)
    assert "Traceback ..." in words(task)
    assert "text | str" in words(Task("Train/1/fit/0", client=client))
    assert "model | dict" in words(DataArtifact("Train/1/fit/0/model", client=client))
    assert "alpha" in words(Run("Train/1", client=client).parameters)
    assert "model" in words(Task("Train/1/fit/0", client=client).data)


def test_many_are_shown_in_part(new_run, client):
    """A foreach of ten thousand would fill the notebook."""
    written = new_run()
    written.start()
    for index in range(30):
        written.start_task("fit", str(index))
    written.finish_task("fit", "0", {f"x{index:02}": index for index in range(30)})
    assert "and 10 more" in words(Step("Train/1/fit", client=client))
    assert "and 10 more" in words(Task("Train/1/fit/0", client=client))


def test_no_value_is_loaded_to_be_shown(new_run, client):
    """Looking costs nothing, and runs nothing."""

    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("it was loaded",)

    written = new_run()
    written.complete({"bomb": Bomb(), "large": bytearray(1_000_000)})
    run = Run("Train/1", client=client)
    for shown in (run, run["end"].task, run.data, run["end"].task["bomb"]):
        assert "bomb" in words(shown)


def test_a_graph_that_repeats_a_step_is_drawn():
    """A switch may lead back."""
    assert layers("abcd", [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")])["d"] > 0
    assert layers("a", [("a", "a"), ("a", "x")]) == {"a": 0}


def test_a_display_loads_nothing_heavy(written, store):
    """It must not take a second to look."""
    code = (
        "import sys; from flowstone_client import *\n"
        f"Run('Train/1', client=Client({store.url!r}))._repr_html_()\n"
        "print([name for name in ('pandas', 'networkx', 'numpy') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
    assert Client(store)
