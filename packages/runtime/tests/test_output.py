import io
import os
import subprocess
import sys

import pytest

from flowstone_runtime.reporting.output import drop_output, write_line


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("utf-8", "ü → 😀\n"), ("latin-1", "ü \\u2192 \\U0001f600\n"), ("ascii", "\\xfc \\u2192 \\U0001f600\n")],
)
def test_letters_that_a_terminal_does_not_have_are_shown_as_escapes(encoding, written) -> None:
    """One emoji in a task's output must not end a run of hours."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    write_line(out, "ü → 😀")
    assert raw.getvalue().decode(encoding) == written


def test_a_reader_that_goes_away_stops_nothing() -> None:
    """The rest goes nowhere, also at exit: no message, no exit code of Python's own."""
    code = (
        "import sys\n"
        "from flowstone_runtime.reporting.output import write_line\n"
        "for number in range(100_000):\n"
        "    write_line(sys.stdout, f'line {number}')\n"
        "print('to the end', file=sys.stderr)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "line 0\n"
    process.stdout.close()
    assert process.stderr.read() == "to the end\n"
    process.stderr.close()
    assert process.wait() == 0


def test_dropping_what_is_no_file_is_no_error() -> None:
    """Tests and notebooks have such streams."""
    drop_output(io.StringIO())
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as out:
        drop_output(out)
        out.write("nobody reads this")
    assert os.read(reader, 100) == b""
    os.close(reader)
