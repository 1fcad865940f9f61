"""A parser for configs in YAML; needs the package pyyaml."""

from typing import Any

from flowstone_runtime.errors import UsageError


def yaml_parser(content: str) -> Any:
    """Parse YAML, data only: no tags that make Python objects.

    Raises:
        UsageError: pyyaml is not installed, or the text is no YAML.
    """
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]  # optional
    except ImportError as error:
        raise UsageError("a config in YAML needs the package pyyaml; pip install pyyaml, or write JSON") from error
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise UsageError(f"it is no YAML: {' '.join(str(error).split())}; correct it") from error
