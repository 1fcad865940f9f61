"""Flags with a value in one word, `--fast=false`: so programs say what a flag shall be, whatever its default."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

_GIVEN = f"{__name__}.given"


def take_flag_values(ctx: click.Context, options: Sequence[click.Option], args: Sequence[str]) -> list[str]:
    """Take out of `args` what click refuses, and note it in the context."""
    flags = {word: option for option in options if option.is_bool_flag for word in option.opts}
    end = args.index("--") if "--" in args else len(args)
    left = []
    for word in args[:end]:
        name, equals, text = word.partition("=")
        if equals and name in flags:
            ctx.meta.setdefault(_GIVEN, {})[flags[name].name] = text
        else:
            left.append(word)
    return [*left, *args[end:]]


def with_flag_value(ctx: click.Context, option: click.Option, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the command line gives, with what was noted for this option."""
    values = ctx.meta.get(_GIVEN, {})
    return {**given, option.name: values[option.name]} if option.name in values else given
