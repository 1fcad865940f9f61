"""What a flow asks of whoever starts it: `alpha = Parameter("alpha", default=0.1)`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from flowstone_runtime.errors import ReadOnlyAttributeError, UsageError
from flowstone_runtime.parameters.faults import fault_of_default, fault_of_separator

if TYPE_CHECKING:
    import click


_WORDS_OF_FLOWS = frozenset({"next", "input", "index", "foreach_stack", "merge_artifacts"})
"""What steps call or read on `self`: a parameter in its place would break every step."""


class Parameter:
    """A value of the flow that the command line, a schedule or a caller can set.

    Read it in steps as an attribute of `self`; it is the same in every task of a run,
    and assigning to it is an error.

    Args:
        name: the option's name on the command line (`--name`); the attribute's name
            need not be the same.
        default: the value if none is given; a value of a config (`cfg.alpha`); or a function,
            called with a `ParameterContext` or nothing when a run starts without a value. Without
            a default, the parameter is `None` unless it is `required`.
        type: `str`, `int`, `float`, `bool`, `JSONType`, `datetime.date`, `datetime.datetime`,
            `pathlib.Path`, an `Enum`, `Literal[...]`, `list[...]`, `dict[...]`, or any click type;
            by default the type of `default`, else `str`.
        help: one sentence for `run --help`.
        required: refuse to start without a value.
        show_default: show the default in `run --help`.
        separator: the text is a list of texts with this between them; an empty text is an empty list.
        click_options: everything else goes to `click.Option`: `multiple`, `nargs`, `is_flag`, `envvar`, ...
    """

    RESERVED: ClassVar[frozenset[str]] = frozenset(
        {"help", "max-workers", "run-id-file", "tag", "isolation", "store", "with", "namespace"}
        | {"run-id", "task-id", "max-num-splits", "max-log-size", "user-namespace", "obj", "params", "tags"}
        | {"decospecs", "runner-attribute-file"}
        | {"keep-going", "origin-run-id", "json", "pdb"}
    )

    def __init__(
        self,
        name: str,
        default: Any = None,
        type: Any = None,  # noqa: A002 - the name users know
        help: str | None = None,  # noqa: A002 - the name users know
        required: bool | None = None,
        show_default: bool | None = None,
        *,
        separator: str | None = None,
        **click_options: Any,
    ) -> None:
        self.name = name
        self.default = default
        self.type = type
        self.help = help
        self.required = bool(required)
        self.show_default = show_default is not False
        self.separator = separator
        self.click_options = click_options
        self.attribute = name.replace("-", "_")
        self.place = _place_of_declaration()

    @property
    def has_default(self) -> bool:
        """True if there is a value when none is given."""
        return self.default is not None

    @property
    def variable(self) -> str:
        """The environment variable that sets it where the command line does not."""
        return f"FLOWSTONE_RUN_{self.name.upper().replace('-', '_')}"

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
        return fault_of_separator(self) or fault_of_default(self)

    def __set_name__(self, owner: type, attribute: str) -> None:
        self.attribute = attribute

    def __get__(self, flow: Any, owner: type) -> Any:
        if flow is None:
            return self
        return flow._context(f"self.{self.attribute}").parameter(self.attribute)  # noqa: SLF001 - two halves of one thing

    def __set__(self, flow: Any, value: Any) -> None:
        raise ReadOnlyAttributeError(type(flow).__name__, self.attribute, "parameter")

    def option(self, configs: Mapping[str, Any] | None = None, folder: Path | None = None) -> "click.Option":
        """The option of the `run` command; `configs` are the flow's, if read; `folder` is that of its file.

        Raises:
            UsageError: the type, the default or what goes to click cannot work.
        """
        from flowstone_runtime.parameters.option import parameter_option

        return parameter_option(self, configs)


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
            raise UsageError(f"{flow.__name__}: {type(parameter).__name__}({parameter.name!r}): {fault}")
        name = parameter.name.lower().replace("_", "-")
        if name in names:
            raise UsageError(
                f"{flow.__name__}: the parameters {names[name]!r} and {parameter.attribute!r} both are --{name}; "
                "rename one"
            )
        names[name] = parameter.attribute
    return tuple(found.values())


def _place_of_declaration() -> str:
    """File and line of the user's code that makes the parameter, for people."""
    frame = sys._getframe(1)  # noqa: SLF001 - the only way to know
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("flowstone_runtime."):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
