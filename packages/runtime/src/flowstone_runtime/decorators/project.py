"""`@project`: runs of several people and of production, side by side under one name."""

import re
from typing import ClassVar

import attrs

from flowstone_runtime.decorators.flow_decorator import FlowDecorator, FlowFacts, FlowOption, FlowStart, declares
from flowstone_runtime.decorators.option_values import boolean
from flowstone_runtime.errors import UsageError

_NAME = re.compile(r"[a-z0-9_]{1,128}\Z")
_BRANCH = re.compile(r"[A-Za-z0-9_.\-]{1,128}\Z")


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        raise ValueError(f"{value!r} is no name of a project; write small letters, digits and '_'")
    return value


def _branch(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _BRANCH.match(value):
        raise ValueError(f"{value!r} is no name of a branch; write letters, digits, '_', '-' and '.'")
    return value


@attrs.frozen(kw_only=True)
class Project(FlowDecorator):
    """The flow belongs to a project, each run to a branch of it.

    The branch is `user.<user>`, with `--branch b` `test.b`; with `--production` it is `prod`, with both `prod.b`.
    Each run is tagged `project:<name>` and `project_branch:<branch>`.
    """

    name: ClassVar[str] = "project"
    takes: ClassVar[tuple[FlowOption, ...]] = (
        FlowOption("branch", "The branch of the project: test.NAME, with --production prod.NAME."),
        FlowOption("production", "Run as the production of the project.", is_flag=True),
    )

    project: str = attrs.field(converter=_name, alias="name")
    branch: str | None = attrs.field(default=None, converter=_branch)
    production: bool = attrs.field(default=False, converter=boolean)

    def facts(self, start: FlowStart) -> FlowFacts:
        """The branch of a run; the command line has the last word."""
        try:
            branch = _branch(start.options.get("branch")) or self.branch
        except ValueError as error:
            raise UsageError(f"--branch: {error}") from error
        is_production = bool(start.options.get("production")) or self.production
        if branch:
            name = f"prod.{branch}" if is_production else f"test.{branch}"
        else:
            name = "prod" if is_production else f"user.{start.user}"
        return FlowFacts(
            system_tags=(f"project:{self.project}", f"project_branch:{name}"),
            current={
                "project_name": self.project,
                "project_flow_name": f"{self.project}.{name}.{start.flow_name}",
                "branch_name": name,
                "is_user_branch": not branch and not is_production,
                "is_production": is_production,
            },
        )


project = declares(Project)
