"""Decorators as values: what they take, what they refuse, what they ask of an executor."""

import pkgutil
from importlib import import_module
from typing import ClassVar

import attrs
import pytest

from flowstone_graph import InvalidFlowError
from flowstone_interfaces import Reason, Resources, TaskRequest
from flowstone_runtime import FlowSpec, catch, environment, resources, retry, secrets, step, timeout
from flowstone_runtime.command_line.option_text import parse_options
from flowstone_runtime.declared_graph import declared_graph
from flowstone_runtime.decorators.environment import Environment
from flowstone_runtime.decorators.resources import ResourcesDecorator
from flowstone_runtime.decorators.retry import Retry
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares
from flowstone_runtime.decorators.timeout import Timeout
from flowstone_runtime.errors import UsageError

REQUEST = TaskRequest("", ("python",), b"")


def decorated(decorator) -> type[FlowSpec]:
    class Flow(FlowSpec):
        @decorator
        @step
        def start(self):
            pass

    return Flow


def test_a_decorator_is_written_with_or_without_parentheses() -> None:
    """`@retry`, `@retry()` and `@retry(times=3)` are what people write."""
    for written in (retry, retry(), retry(times=3)):
        (declared,) = declared_graph(decorated(written))["start"].decorators
        assert declared == Retry(times=3)


def test_the_decorator_written_first_is_the_outermost() -> None:
    """As Python nests them."""
    graph = declared_graph(decorated(lambda f: catch(timeout(seconds=1)(f))))
    assert [decorator.name for decorator in graph["start"].decorators] == ["timeout", "catch"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: retry(tims=3), "@retry has no option 'tims'; it has times, "),
        (lambda: retry(times="many"), "@retry, option times: 'many' is no number"),
        (lambda: retry(times=-1), "@retry, option times: -1 is negative"),
        (lambda: retry(times=1.5), "@retry, option times: 1.5 is no whole number"),
        (lambda: retry(times=True), "@retry, option times: True is no number"),
        (lambda: retry(only="OSError"), "@retry, option only: 'OSError' is no exception type"),
        (lambda: timeout(hours=0), "@timeout: no time is given"),
        (lambda: catch(var="not a name"), "@catch: var='not a name' is no name of an artifact"),
        (lambda: catch(print_exception="maybe"), "'maybe' is neither true nor false"),
        (lambda: environment(vars=["A"]), "is no dictionary of names to texts"),
        (lambda: environment(vars={"A=B": "x"}), "'A=B' is no name of an environment variable"),
        (lambda: resources(cpu="lots"), "@resources, option cpu: 'lots' is no number"),
        (lambda: secrets(sources=[{"type": "vault"}]), "with a type of inline, environment, aws-secrets-manager"),
    ],
)
def test_an_option_that_cannot_work_is_refused_when_the_class_is_made(make, sentence) -> None:
    """Before anything runs, with the option's name."""
    with pytest.raises(UsageError) as refused:
        make()
    assert sentence in str(refused.value)


def test_a_secret_value_in_a_wrong_place_is_not_repeated() -> None:
    """An error message ends in logs."""
    with pytest.raises(UsageError) as refused:
        environment(vars={"TOKEN": ["hunter2"]})
    assert "hunter2" not in str(refused.value)
    with pytest.raises(UsageError) as refused:
        secrets(sources=[{"type": "inline", "values": {"TOKEN": "hunter2"}}])
    assert "hunter2" not in str(refused.value)


def test_a_decorator_of_a_class_or_of_nothing_is_refused() -> None:
    """It would decorate nothing, without a word."""
    with pytest.raises(UsageError, match="decorates steps, not the class"):
        retry(decorated(retry))
    with pytest.raises(UsageError, match="options by name only"):
        retry(3)


def test_the_same_decorator_twice_is_a_fault() -> None:
    """Which of the two counts?"""
    with pytest.raises(InvalidFlowError, match="it has @retry twice"):
        declared_graph(decorated(lambda f: retry(times=1)(retry(times=2)(f))))


def test_with_adds_to_the_steps_that_have_none_of_the_kind() -> None:
    """What is written in the source is more exact than what is said for all steps."""

    class Flow(FlowSpec):
        @retry(times=1)
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    graph = declared_graph(Flow, ["retry:times=7,minutes_between_retries=0"])
    assert [node.decorators[0].times for node in graph] == [1, 7]
    assert Flow.start.decorators == (Retry(times=1),), "the class is not touched: it may be run again without"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nothing_like_it", "no plugin 'nothing_like_it' in flowstone.decorators; installed: batch, catch,"),
        ("retry:times", "--with retry:times: 'times' is not name=value"),
        ("retry:times=x", "--with retry:times=x: @retry, option times: 'x' is no number"),
        ("no.such.module", "--with no.such.module: no.such.module cannot be imported"),
        ("os.path", "--with os.path: os.path is no decorator of steps"),
        ("-x", "'-x' is no name of a decorator"),
    ],
)
def test_with_says_what_is_wrong_with_it(text, sentence) -> None:
    """It comes from a command line, where typing errors live."""
    with pytest.raises(Exception) as refused:
        declared_graph(decorated(catch), [text])
    assert sentence in str(refused.value)


@attrs.frozen(kw_only=True)
class Picky(StepDecorator):
    """Refuses a step."""

    name: ClassVar[str] = "picky"

    def check(self, graph, node):
        return f"it does not like {node.name}"


picky = declares(Picky)


def test_a_decorator_of_a_module_is_found_and_its_check_is_heard() -> None:
    """`--with my_package.my_decorator` needs no entry point; a check names step, file and line."""
    with pytest.raises(InvalidFlowError) as refused:
        declared_graph(decorated(catch), [f"{__name__}.picky"])
    assert "test_decorators.py:" in str(refused.value)
    assert "step 'start': @picky: it does not like start; change or remove @picky" in str(refused.value)


def test_options_are_json_where_they_are_json() -> None:
    """Numbers and dictionaries need no quoting beyond the shell's."""
    text = 'times=3,vars={"A": "x, y=1"},image=python:3.12,flag=true'
    assert parse_options(text) == {"times": 3, "vars": {"A": "x, y=1"}, "image": "python:3.12", "flag": True}
    assert parse_options("") == {}


def test_what_is_asked_of_an_executor_adds_up() -> None:
    """Of two that ask for the same, the larger counts: `--with batch` and `@resources` live side by side."""
    request = ResourcesDecorator(cpu=2, memory="512").plan(REQUEST)
    request = ResourcesDecorator(cpu=1, gpu=1).plan(request)
    assert request.resources == Resources(cpus=2, memory_mib=512, gpus=1)
    request = Environment(vars={"A": 1}).plan(attrs.evolve(request, environ={"A": "0", "B": "2"}))
    assert request.environ == {"A": "1", "B": "2"}
    assert Timeout(minutes=1).plan(request).timeout_seconds == 65


def test_retry_decides_by_the_exception_and_by_how_a_process_ended() -> None:
    """`only` names exceptions; a killed process stands for the one that it could not raise."""
    always, some = Retry(), Retry(only=(OSError, MemoryError))
    assert always.wants(ValueError())
    assert always.wants_after_crash(Reason.SIGNALLED)
    assert some.wants(FileNotFoundError())
    assert not some.wants(ValueError())
    assert not some.wants_after_crash(Reason.SIGNALLED)
    assert some.wants_after_crash(Reason.OUT_OF_MEMORY)
    assert some.wants_after_crash(Reason.LOST)
    assert Retry(only=TimeoutError).wants_after_crash(Reason.TIMED_OUT)


def test_the_wait_grows_as_told() -> None:
    """Two minutes each time, unless told otherwise."""
    assert [Retry().wait_seconds(attempt) for attempt in range(3)] == [120, 120, 120]
    growing = Retry(minutes_between_retries=0.5, backoff=2)
    assert [growing.wait_seconds(attempt) for attempt in range(3)] == [30, 60, 120]


def test_the_command_line_knows_the_options_of_all_flow_decorators() -> None:
    """A mutator may add a decorator when the command line is read already."""
    from flowstone_runtime import decorators
    from flowstone_runtime.command_line import flow_options

    modules = [
        import_module(f"{decorators.__name__}.{info.name}") for info in pkgutil.iter_modules(decorators.__path__)
    ]
    kinds = {item for module in modules for item in vars(module).values() if isinstance(item, type)}
    taken = {option.name for kind in kinds for option in getattr(kind, "takes", ())}
    assert taken
    assert taken == set(flow_options._known_options())
