"""What a flow asks of whoever starts it: `alpha = Parameter("alpha", default=0.1)`."""

import json
from typing import TYPE_CHECKING, Any, ClassVar

from flowstone_runtime.errors import ReadOnlyAttributeError, UsageError

if TYPE_CHECKING:
    import click


_UNSET: Any = object()


class Parameter:
    """A value of the flow that the command line, a schedule or a caller can set.

    Read it in steps as an attribute of `self`; it is the same in every task of a run,
    and assigning to it is an error.

    Args:
        name: the option's name on the command line (`--name`); the attribute's name
            need not be the same.
        default: the value if none is given. Without one, the parameter is `None`
            unless it is `required`.
        type: `str`, `int`, `float`, `bool`, `JSONType` or any click type; by default
            the type of `default`, else `str`.
        help: one sentence for `run --help`.
        required: refuse to start without a value.
        show_default: show the default in `run --help`.
    """

    RESERVED: ClassVar[frozenset[str]] = frozenset(
        {"help", "max-workers", "run-id-file", "tag", "isolation", "store", "with", "namespace"}
        | {"run-id", "task-id", "max-num-splits", "max-log-size", "user-namespace", "obj", "params", "tags"}
        | {"decospecs", "runner-attribute-file"}
    )

    def __init__(
        self,
        name: str,
        default: Any = _UNSET,
        type: Any = None,  # noqa: A002 - the name users know
        help: str | None = None,  # noqa: A002 - the name users know
        required: bool = False,
        show_default: bool = True,
    ) -> None:
        self.name = name
        self.has_default = default is not _UNSET
        self.default = default if self.has_default else None
        self.type = type
        self.help = help
        self.required = required
        self.show_default = show_default
        self.attribute = name
        self._check()

    def _check(self) -> None:
        if not self.name.replace("-", "_").isidentifier():
            raise UsageError(f"Parameter({self.name!r}): a parameter's name is letters, digits, '_' and '-'")
        if self.name.lower().replace("_", "-") in self.RESERVED:
            raise UsageError(f"Parameter({self.name!r}): the command line needs this name itself; choose another")
        if self.required and self.has_default:
            raise UsageError(f"Parameter({self.name!r}): a required parameter has no default; drop one of the two")

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute

    def __get__(self, flow: Any, owner: type) -> Any:
        if flow is None:
            return self
        return flow._flowstone_context.parameter(self.attribute)  # noqa: SLF001 - two halves of one thing

    def __set__(self, flow: Any, value: Any) -> None:
        raise ReadOnlyAttributeError(type(flow).__name__, self.attribute, "parameter")

    @property
    def click_type(self) -> Any:
        """What click converts the option's text with."""
        if self.type is not None:
            return self.type
        if self.default is None:
            return str
        if isinstance(self.default, list | dict):
            from flowstone_runtime.json_type import JSONType

            return JSONType
        return self.default.__class__

    def option(self) -> "click.Option":
        """The option of the `run` command."""
        import click

        is_json_default = isinstance(self.default, list | dict)
        return click.Option(
            [f"--{self.name}", self.attribute],
            default=json.dumps(self.default) if is_json_default else self.default,
            type=self.click_type,
            required=self.required,
            help=self.help,
            show_default=self.show_default and self.has_default,
        )


def parameters_of(flow: type) -> tuple[Parameter, ...]:
    """The parameters of a flow class, inherited ones first, in order of declaration.

    Raises:
        UsageError: two have the same option name.
    """
    found: dict[str, Parameter] = {}
    for base in reversed(flow.__mro__):
        for attribute, value in vars(base).items():
            if isinstance(value, Parameter):
                found[attribute] = value
            else:
                found.pop(attribute, None)
    names: dict[str, str] = {}
    for parameter in found.values():
        name = parameter.name.lower().replace("_", "-")
        if name in names:
            raise UsageError(
                f"{flow.__name__}: the parameters {names[name]!r} and {parameter.attribute!r} both are --{name}; "
                "rename one"
            )
        names[name] = parameter.attribute
    return tuple(found.values())
