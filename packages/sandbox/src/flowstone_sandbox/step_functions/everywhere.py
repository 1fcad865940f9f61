"""A function of moto is taken over by name into many modules: replacing it means replacing it in each."""

import sys
from collections.abc import Callable
from typing import Any


def replace_everywhere(name: str, original: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    """Put `replacement` wherever a loaded module of moto knows `original` by `name`."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith("moto.") and getattr(module, name, None) is original:
            setattr(module, name, replacement)
