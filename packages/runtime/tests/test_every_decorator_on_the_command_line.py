"""Every decorator of steps works by `--with name:option=value`, with values of every type."""

import pkgutil
from importlib import import_module

import attrs
import pytest

from flowstone_runtime import decorators
from flowstone_runtime.decorators.declared import Declared
from flowstone_runtime.decorators.step_decorator import StepDecorator
from flowstone_runtime.user_decorators.named_decorator import step_decorator

TEXTS = {
    "batch": (
        'batch:cpu=0.5,memory=800,queue=big,host_volumes=/data,log_options=["awslogs-group:mine"],privileged=true',
        {
            "cpu": 0.5,
            "memory": 800,
            "queue": "big",
            "host_volumes": ("/data",),
            "log_options": {"awslogs-group": "mine"},
            "privileged": True,
        },
    ),
    "catch": ("catch:var=failure,print_exception=false", {"var": "failure", "print_exception": False}),
    "conda": (
        'conda:packages={"numpy": "1.*"},channels=["mine","conda-forge"],python=3.12',
        {"packages": {"numpy": "1.*"}, "channels": ("mine", "conda-forge"), "python": "3.12"},
    ),
    "environment": ('environment:vars={"A": "x, y=1", "B": 2}', {"vars": {"A": "x, y=1", "B": "2"}}),
    "parallel": ("parallel", {}),
    "pypi": (
        'pypi:packages={"six": "1.*"},python=3.12,disabled=false',
        {"packages": {"six": "1.*"}, "python": "3.12", "disabled": False},
    ),
    "resources": ("resources:cpu=2,memory=500", {"cpu": 2, "memory": 500}),
    "retry": ("retry:times=4,minutes_between_retries=0.5", {"times": 4, "minutes_between_retries": 0.5}),
    "secrets": ('secrets:sources=["environment.TOKEN"],allow_override=true', {"allow_override": True}),
    "timeout": ("timeout:seconds=1.5,hours=1", {"seconds": 1.5, "hours": 1}),
}
MODULES = [
    import_module(f"{decorators.__name__}.{info.name}") for info in pkgutil.iter_modules(decorators.__path__)
]
OURS = {
    value.kind.name: value
    for module in MODULES
    for value in vars(module).values()
    if isinstance(value, Declared) and issubclass(value.kind, StepDecorator)
}


@pytest.mark.parametrize("declared", OURS.values(), ids=lambda declared: declared.kind.name)
def test_it_is_built_from_text(declared: Declared[StepDecorator]) -> None:
    """What is tried on the command line means what it means in the source."""
    text, expected = TEXTS[declared.kind.name]
    built = step_decorator(text)
    assert type(built) is declared.kind
    assert {name: getattr(built, name) for name in expected} == expected
    assert attrs.has(type(built))
