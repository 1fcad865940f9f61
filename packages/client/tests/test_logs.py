"""What tasks wrote."""

from datetime import datetime, timezone

import attrs
import pytest

from flowstone_client import InvalidStreamError


@pytest.fixture
def written(new_run):
    written = new_run()
    written.start()
    return written


def write_mixed(written):
    """Two tasks that write at once into one segment; where all of it is."""
    first = written.print("fit", "0", "stdout", b"one\ntw")
    written.print("fit", "1", "stdout", b"other\n")
    written.print("fit", "0", "stderr", b"warning\n")
    last = written.print("fit", "0", "stdout", b"o\nthree")
    return attrs.evolve(first, end=last.end)


def test_a_finished_task_has_what_it_wrote(written):
    """Its own, whoever else wrote at the same time."""
    span = write_mixed(written)
    written.finish_task("fit", "0", logs=span)
    written.finish_task("fit", "1", logs=span)
    step = written.read()["fit"]
    assert step["0"].stdout == "one\ntwo\nthree"
    assert step["0"].stderr == "warning\n"
    assert step["1"].stdout == "other\n"
    assert step["1"].stderr == ""
    assert [frame.data for frame in step["0"].log_frames()] == [b"one\ntw", b"warning\n", b"o\nthree"]


def test_a_running_task_has_what_it_wrote_so_far(written):
    """That is how one sees what it is doing."""
    written.start_task("fit", "0")
    task = written.read()["fit"].task
    assert task.stdout == ""
    written.print("fit", "0", "stdout", b"loading\n")
    assert task.stdout == "loading\n"
    written.print("fit", "0", "stdout", b"fitting\n")
    assert task.stdout == "loading\nfitting\n"


def test_a_task_that_died_with_its_run_has_what_it_wrote(written):
    """Its last words say most."""
    written.start_task("fit", "0")
    written.print("fit", "0", "stderr", b"out of memory\n")
    written.end("failed")
    assert written.read()["fit"].task.stderr == "out of memory\n"


def test_a_failed_task_has_what_it_wrote(written):
    """The latest attempt; what the one before wrote is not mixed in."""
    written.start_task("fit", "0")
    written.print("fit", "0", "stdout", b"first\n")
    written.fail_task("fit", "0", will_retry=True)
    written.start_task("fit", "0", attempt=1)
    span = written.print("fit", "0", "stdout", b"second\n", attempt=1)
    written.fail_task("fit", "0", attempt=1, logs=attrs.evolve(span, start=0))
    assert written.read()["fit"].task.stdout == "second\n"


def test_a_task_that_wrote_nothing_has_empty_logs(written):
    """No error: most tasks write nothing."""
    written.run_task("fit")
    task = written.read()["fit"].task
    assert (task.stdout, task.stderr, list(task.log_frames()), list(task.loglines("stdout"))) == ("", "", [], [])


def test_bytes_that_are_not_text_are_shown_as_escapes(written):
    """A character cut in two by a pipe is put together again; what no character is stays visible."""
    written.start_task("fit", "0")
    written.print("fit", "0", "stdout", b"caf\xc3")
    written.print("fit", "0", "stdout", b"\xa9 \xff\xfe\n")
    task = written.read()["fit"].task
    assert task.stdout == "café \\xff\\xfe\n"
    assert [line for _, line in task.loglines("stdout")] == ["café \\xff\\xfe"]


def test_lines_come_with_the_time_at_which_they_began(written):
    """However the pipe cut them."""
    span = write_mixed(written)
    written.finish_task("fit", "0", logs=span)
    task = written.read()["fit"].task

    def second(number):
        return datetime(2026, 1, 1, 12, 0, number, tzinfo=timezone.utc)

    assert list(task.loglines("stdout")) == [(second(2), "one"), (second(2), "two"), (second(5), "three")]
    assert list(task.loglines("stderr")) == [(second(4), "warning")]


def test_empty_lines_are_lines(written):
    """A log reads as it was printed."""
    written.start_task("fit", "0")
    written.print("fit", "0", "stdout", b"\n\na\n")
    written.print("fit", "0", "stdout", b"\n")
    assert [line for _, line in written.read()["fit"].task.loglines("stdout")] == ["", "", "a", ""]


def test_an_unknown_stream_is_refused_at_once(written):
    """Not when the first line is asked for."""
    written.run_task("fit")
    with pytest.raises(InvalidStreamError, match="a task has no stream 'output'; write 'stdout' or 'stderr'"):
        written.read()["fit"].task.loglines("output")
