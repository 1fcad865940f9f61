import json
import sys
import textwrap
import types

import pytest

import flowstone_runtime.tasks.task_runner
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.errors import MissingArtifactError
from flowstone_runtime.tasks.user_traceback import report_error

OURS = flowstone_runtime.tasks.task_runner.__file__


def through_ours(function):
    """Call it from a line that is in a file of ours."""
    namespace: dict = {}
    exec(compile("def call(function):\n    return function()", OURS, "exec"), namespace)
    return namespace["call"](function)


def report_of(function):
    try:
        through_ours(lambda: through_ours(function))
    except BaseException as error:
        return report_error(error)
    raise AssertionError("it raised nothing")


def user_module(tmp_path, source: str, name: str = "flow.py", folder: str = "project") -> types.ModuleType:
    path = tmp_path / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    module = types.ModuleType("users_own")
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    module.__file__ = str(path)
    return module


def test_frames_of_ours_are_left_out(tmp_path) -> None:
    """They say nothing about the user's mistake."""
    module = user_module(
        tmp_path, "def step():\n    inner()\n\ndef inner():\n    raise ValueError('the sky is down')\n"
    )
    report = report_of(module.step)
    assert (report.type, report.message) == ("ValueError", "the sky is down")
    assert (report.file, report.line) == (module.__file__, 5)
    assert "task_runner.py" not in report.traceback
    assert "in step" in report.traceback
    assert "in inner" in report.traceback
    assert report.traceback.endswith("ValueError: the sky is down\n")


@pytest.mark.parametrize("folder", ["flowstone", "flowstone_demo", "flowstone_runtime", "flowstone/deeper"])
def test_a_project_called_like_us_is_the_users(tmp_path, folder) -> None:
    """A checkout named `flowstone` must not swallow every frame."""
    module = user_module(tmp_path, "def step():\n    raise ValueError\n", folder=folder)
    report = report_of(module.step)
    assert (report.file, report.line) == (module.__file__, 2)
    assert "in step" in report.traceback


def test_frames_of_libraries_are_told_but_are_not_the_place(tmp_path) -> None:
    """The place is the last line that the user can change."""
    module = user_module(tmp_path, "import json\n\ndef step():\n    json.loads('{')\n")
    report = report_of(module.step)
    assert (report.file, report.line) == (module.__file__, 4)
    assert json.__file__ in report.traceback
    assert report.type == "json.decoder.JSONDecodeError"


def test_installed_packages_are_libraries(tmp_path) -> None:
    """Wherever they are."""
    library = user_module(tmp_path, "def fail():\n    raise ValueError\n", folder="lib/site-packages/somebody")
    module = user_module(tmp_path, "def step(fail):\n    fail()\n")
    assert report_of(lambda: module.step(library.fail)).file == module.__file__


def test_chained_causes_are_told_and_trimmed(tmp_path) -> None:
    """What it came from is often what matters."""
    module = user_module(
        tmp_path,
        """
        def step(through_ours):
            try:
                through_ours(first)
            except KeyError as error:
                raise ValueError("second") from error

        def first():
            try:
                raise TypeError("zeroth")
            except TypeError:
                raise KeyError("first")
        """,
    )
    text = report_of(lambda: module.step(through_ours)).traceback
    assert text.index("TypeError: zeroth") < text.index("KeyError: 'first'") < text.index("ValueError: second")
    assert "direct cause" in text
    assert "During handling" in text
    assert "task_runner.py" not in text


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no groups")
def test_groups_are_told_whole_and_trimmed(tmp_path) -> None:
    """Every member with its frames."""
    module = user_module(
        tmp_path,
        """
        def step(through_ours):
            errors = []
            for number in range(2):
                try:
                    through_ours(lambda: fail(number))
                except ValueError as error:
                    errors.append(error)
            raise ExceptionGroup("both", errors)

        def fail(number):
            error = ValueError(f"number {number}")
            error.add_note("a note")
            raise error
        """,
    )
    report = report_of(lambda: module.step(through_ours))
    assert report.type == "ExceptionGroup"
    for words in ("number 0", "number 1", "a note", "in fail"):
        assert words in report.traceback
    assert "task_runner.py" not in report.traceback


def test_an_exception_that_causes_itself_ends(tmp_path) -> None:
    """Loops of causes exist."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert "ValueError: first" in report_error(first).traceback


def test_an_error_of_ours_explains_itself(tmp_path) -> None:
    """The user's frames and one sentence; what we met on the way is our business."""
    module = user_module(
        tmp_path,
        """
        def step(error):
            try:
                {}["inner"]
            except KeyError as inner:
                raise error from inner
        """,
    )
    report = report_of(lambda: module.step(MissingArtifactError("fit", "x", ("y",))))
    assert report.type == "MissingArtifactError"
    assert "KeyError" not in report.traceback
    assert "in step" in report.traceback
    assert report.traceback.endswith(f"MissingArtifactError: {report.message}\n")


def test_without_a_users_frame_the_sentence_is_all() -> None:
    """A traceback of nothing would only be noise."""
    report = report_error(MissingArtifactError("fit", "x", ()))
    assert report.traceback == f"{report.message}\n"
    assert (report.file, report.line) == (None, None)


class Own(Exception):
    pass


class OwnOfOurs(FlowstoneError):
    pass


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError(), "ValueError"),
        (Own(), f"{__name__}.Own"),
        (OwnOfOurs(), "OwnOfOurs"),
        (json.JSONDecodeError("m", "d", 0), "json.decoder.JSONDecodeError"),
    ],
)
def test_types_carry_their_module_unless_everybody_knows_it(error, name) -> None:
    """So that the class can be found."""
    assert report_error(error).type == name


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def test_an_exception_without_words_is_reported() -> None:
    """The user's `__str__` may fail too."""
    assert report_error(Unspeakable()).message == "(its text cannot be shown: RuntimeError)"


def test_a_syntax_error_in_what_a_step_imports_shows_the_line(tmp_path) -> None:
    """Python says it best."""
    (tmp_path / "broken_module.py").write_text("def f(:\n")
    sys.path.insert(0, str(tmp_path))
    try:
        module = user_module(tmp_path, "def step():\n    import broken_module\n")
        report = report_of(module.step)
    finally:
        sys.path.remove(str(tmp_path))
    assert report.type == "SyntaxError"
    assert "def f(:" in report.traceback
    assert (report.file, report.line) == (module.__file__, 2)
