"""FlowSpec, the task runner, the local scheduler and the command line of flowstone."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowstone_runtime.current import current
from flowstone_runtime.flowspec import FlowSpec, step
from flowstone_runtime.parameters.parameter import Parameter

if TYPE_CHECKING:
    from flowstone_runtime.configs.config import Config
    from flowstone_runtime.configs.config_value import ConfigValue
    from flowstone_runtime.configs.expressions import config_expr
    from flowstone_runtime.configs.requirement_parsers import (
        conda_environment_yml_parser,
        pyproject_toml_parser,
        requirements_txt_parser,
    )
    from flowstone_runtime.configs.yaml_parsing import yaml_parser
    from flowstone_runtime.decorators.batch import batch
    from flowstone_runtime.decorators.catch import CaughtError, catch
    from flowstone_runtime.decorators.conda import conda, conda_base
    from flowstone_runtime.decorators.environment import environment
    from flowstone_runtime.decorators.exit_hook import exit_hook
    from flowstone_runtime.decorators.parallel import parallel
    from flowstone_runtime.decorators.project import project
    from flowstone_runtime.decorators.pypi import pypi, pypi_base
    from flowstone_runtime.decorators.resources import resources
    from flowstone_runtime.decorators.retry import retry
    from flowstone_runtime.decorators.schedule import schedule
    from flowstone_runtime.decorators.secrets import secrets
    from flowstone_runtime.decorators.timeout import StepTimeoutError, timeout
    from flowstone_runtime.decorators.trigger import trigger, trigger_on_finish
    from flowstone_runtime.event_names import namespaced_event_name
    from flowstone_runtime.parallel_calls import parallel_imap_unordered, parallel_map
    from flowstone_runtime.parameters.include_file import IncludeFile
    from flowstone_runtime.parameters.json_type import JSONType, JSONTypeClass
    from flowstone_runtime.profiling import profile
    from flowstone_runtime.programs.deployed_flow import DeployedFlow
    from flowstone_runtime.programs.notebook_deployer import NBDeployer
    from flowstone_runtime.programs.notebook_runner import NBRunner
    from flowstone_runtime.programs.runner import Runner
    from flowstone_runtime.user_decorators import (
        USER_SKIP_STEP,
        FlowMutator,
        StepMutator,
        UserStepDecorator,
        user_step_decorator,
    )

__all__ = [
    "USER_SKIP_STEP",
    "CaughtError",
    "Config",
    "ConfigValue",
    "DeployedFlow",
    "Deployer",
    "FlowMutator",
    "FlowSpec",
    "IncludeFile",
    "JSONType",
    "JSONTypeClass",
    "NBDeployer",
    "NBRunner",
    "Parameter",
    "Runner",
    "StepMutator",
    "StepTimeoutError",
    "UserStepDecorator",
    "batch",
    "catch",
    "conda",
    "conda_base",
    "conda_environment_yml_parser",
    "config_expr",
    "current",
    "environment",
    "exit_hook",
    "namespaced_event_name",
    "parallel",
    "parallel_imap_unordered",
    "parallel_map",
    "profile",
    "project",
    "pypi",
    "pypi_base",
    "pyproject_toml_parser",
    "requirements_txt_parser",
    "resources",
    "retry",
    "schedule",
    "secrets",
    "step",
    "timeout",
    "trigger",
    "trigger_on_finish",
    "user_step_decorator",
    "yaml_parser",
]


def _start_command_line(flow: type[FlowSpec]) -> None:
    from flowstone_runtime.command_line.flow_commands import run_command_line

    run_command_line(flow)


FlowSpec._flowstone_command_line = staticmethod(_start_command_line)  # noqa: SLF001 - flowspec.py says why

_MODULES = {
    "configs.config": ("Config",),
    "configs.config_value": ("ConfigValue",),
    "configs.expressions": ("config_expr",),
    "decorators.batch": ("batch",),
    "decorators.catch": ("CaughtError", "catch"),
    "decorators.conda": ("conda", "conda_base"),
    "decorators.environment": ("environment",),
    "decorators.exit_hook": ("exit_hook",),
    "decorators.parallel": ("parallel",),
    "decorators.project": ("project",),
    "decorators.pypi": ("pypi", "pypi_base"),
    "decorators.resources": ("resources",),
    "decorators.retry": ("retry",),
    "decorators.schedule": ("schedule",),
    "decorators.secrets": ("secrets",),
    "decorators.timeout": ("StepTimeoutError", "timeout"),
    "decorators.trigger": ("trigger", "trigger_on_finish"),
    "parameters.include_file": ("IncludeFile",),
    "parameters.json_type": ("JSONType", "JSONTypeClass"),
    "configs.requirement_parsers": (
        *("conda_environment_yml_parser", "pyproject_toml_parser", "requirements_txt_parser"),
    ),
    "event_names": ("namespaced_event_name",),
    "parallel_calls": ("parallel_imap_unordered", "parallel_map"),
    "profiling": ("profile",),
    "programs.deployer": ("Deployer",),
    "programs.deployed_flow": ("DeployedFlow",),
    "programs.notebook_deployer": ("NBDeployer",),
    "programs.notebook_runner": ("NBRunner",),
    "programs.runner": ("Runner",),
    "user_decorators": (
        *("FlowMutator", "StepMutator", "USER_SKIP_STEP", "UserStepDecorator", "user_step_decorator"),
    ),
    "configs.yaml_parsing": ("yaml_parser",),
}
"""What not every flow needs, and what needs click, is loaded when it is asked for."""
_LAZY = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
