"""What a flow asks of whoever starts it: `alpha = Parameter("alpha", default=0.1)`."""

import json
from typing import TYPE_CHECKING, Any, ClassVar

from flowstone_runtime.errors import ReadOnlyAttributeError, UsageError

if TYPE_CHECKING:
    import click


_UNSET: Any = object()

_WORDS_OF_FLOWS = frozenset({"next", "input", "index", "foreach_stack", "merge_artifacts"})
"""What steps call or read on `self`: a parameter in its place would break every step."""


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
        | {"keep-going", "origin-run-id"}
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

    def fault(self) -> str | None:
        """What is wrong with the declaration and what to do, if anything is."""
        if self.name.startswith("-") or not self.name.replace("-", "_").isidentifier():
            return "a parameter's name is letters, digits, '_' and '-'; rename it"
        if self.name.lower().replace("_", "-") in self.RESERVED:
            return "the command line needs this name itself; choose another"
        if self.attribute in _WORDS_OF_FLOWS:
            return f"every flow has a self.{self.attribute} already; assign the parameter to another name"
        if self.required and self.has_default:
            return "a required parameter has no default; drop one of the two"
        return _fault_of_default(self.default, self.type)

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute

    def __get__(self, flow: Any, owner: type) -> Any:
        if flow is None:
            return self
        return flow._context(f"self.{self.attribute}").parameter(self.attribute)  # noqa: SLF001 - two halves of one thing

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

        # A default of `None` is a value to click, and makes a required option an optional one.
        fields: dict[str, Any] = {}
        if self.has_default:
            is_json = isinstance(self.default, list | dict)
            fields["default"] = json.dumps(self.default) if is_json else self.default
        return click.Option(
            [f"--{self.name}", self.attribute],
            type=self.click_type,
            required=self.required,
            help=self.help,
            show_default=self.show_default and self.has_default,
            **fields,
        )


def parameters_of(flow: type) -> tuple[Parameter, ...]:
    """The parameters of a flow class, inherited ones first, in order of declaration.

    Raises:
        UsageError: one cannot work, or two have the same option name.
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
        if fault := parameter.fault():
            raise UsageError(f"{flow.__name__}: Parameter({parameter.name!r}): {fault}")
        name = parameter.name.lower().replace("_", "-")
        if name in names:
            raise UsageError(
                f"{flow.__name__}: the parameters {names[name]!r} and {parameter.attribute!r} both are --{name}; "
                "rename one"
            )
        names[name] = parameter.attribute
    return tuple(found.values())


def _fault_of_default(default: Any, declared_type: Any) -> str | None:
    if callable(default):
        return "its default is a function; give the value itself"
    if isinstance(default, list | dict):
        try:
            json.dumps(default)
        except (TypeError, ValueError) as error:
            return f"its default is not JSON ({error}); give one that is, or set it in a step"
    elif declared_type is None and isinstance(default, tuple | set | frozenset | bytes | bytearray):
        kind = type(default).__name__
        return f"nobody can write its default, a {kind}, on a command line; use a list, or give type="
    return None
