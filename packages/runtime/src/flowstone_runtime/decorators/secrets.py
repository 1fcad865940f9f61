"""`@secrets`: environment variables whose values nobody should see in the code or the store."""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from flowstone_runtime.decorators.option_values import boolean
from flowstone_runtime.decorators.secret_source import SecretError, SecretSource
from flowstone_runtime.decorators.step_decorator import StepDecorator, declares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowstone_runtime.decorators.task_attempt import TaskAttempt

_AWS = "aws-secrets-manager"


def _sources(value: Any) -> tuple[SecretSource, ...]:
    if isinstance(value, str | Mapping):
        value = [value]
    return tuple(_source(item) for item in value)


def _source(item: Any) -> SecretSource:
    if isinstance(item, str):
        kind, _, name = item.partition(".")
        return SecretSource(kind, name) if kind in _BACKENDS and name else SecretSource(_AWS, item)
    if not isinstance(item, Mapping) or item.get("type") not in _BACKENDS:
        raise ValueError(f"a source is 'type.name' or a dictionary with a type of {', '.join(_BACKENDS)}")
    unknown = set(item) - {"type", "id", "options", "role"}
    if unknown:
        raise ValueError(f"a source has type, id, options and role, not {', '.join(sorted(unknown))}")
    return SecretSource(item["type"], item.get("id", ""), item.get("options", {}), item.get("role"))


@attrs.frozen(kw_only=True)
class Secrets(StepDecorator):
    """Set environment variables to secrets, in the task, for as long as the step runs.

    A source is a text, `"aws-secrets-manager.my-secret"` or just `"my-secret"`, or a dictionary:
    `{"type": "environment", "options": {"env_vars": {"TOKEN": "MY_TOKEN"}}}` takes `MY_TOKEN` of the process that
    runs the task; `{"type": "inline", "options": {"env_vars": {"TOKEN": "..."}}}` is for tests;
    `{"type": "aws-secrets-manager", "id": "my-secret"}` asks AWS: a secret that is a JSON object sets a variable
    for each field, another one sets the variable that the option `env_var_name` names. The option `region` says
    where.
    """

    name: ClassVar[str] = "secrets"

    sources: tuple[SecretSource, ...] = attrs.field(default=(), converter=_sources)
    role: str | None = None
    """The AWS role to take on, where the source names none."""
    allow_override: bool = attrs.field(default=False, converter=boolean)
    """Replace variables that are set; else that is an error."""

    def wrap(self, attempt: "TaskAttempt") -> AbstractContextManager[None]:
        """Set the variables around the step."""
        return self.variables()

    @contextmanager
    def variables(self) -> "Iterator[None]":
        """Set the variables, and what they were before at the end.

        Raises:
            SecretError: a secret cannot be had, or a variable is set already.
        """
        found: dict[str, str] = {}
        for source in self.sources:
            values = _BACKENDS[source.type](source, source.role or self.role)
            taken = set(values) & (set(found) | (set() if self.allow_override else set(os.environ)))
            if taken:
                names = ", ".join(sorted(taken))
                raise SecretError(source.shown, f"{names} is set already; rename it, or give allow_override=True")
            found.update(values)
        before = {name: os.environ.get(name) for name in found}
        os.environ.update(found)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _inline(source: SecretSource, _role: str | None) -> dict[str, str]:
    return {name: str(value) for name, value in source.options.get("env_vars", {}).items()}


def _environment(source: SecretSource, _role: str | None) -> dict[str, str]:
    wanted = source.options.get("env_vars") or {source.id: source.id}
    missing = sorted(name for name in wanted.values() if name not in os.environ)
    if missing:
        raise SecretError(source.shown, f"{', '.join(missing)} is not set where the task runs; set it there")
    return {name: os.environ[origin] for name, origin in wanted.items()}


def _from_aws(source: SecretSource, role: str | None) -> dict[str, str]:
    from flowstone_runtime.decorators.aws_secret import read_aws_secret

    return read_aws_secret(source, role)


_BACKENDS: dict[str, Callable[[SecretSource, str | None], dict[str, str]]] = {
    "inline": _inline,
    "environment": _environment,
    _AWS: _from_aws,
}

secrets = declares(Secrets)
