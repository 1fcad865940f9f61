"""Definitions of state machines.

What is wrong in moto: states that lead nowhere are accepted.
"""

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any


def repair() -> None:
    """Refuse what AWS refuses when a state machine is created or changed."""
    from moto.stepfunctions.parser import models

    backend = models.StepFunctionsParserBackend
    original = backend._validate_definition  # noqa: SLF001

    @functools.wraps(original)
    def validate(definition: str) -> None:
        original(definition=definition)
        if faults := list(faults_of(json.loads(definition))):
            raise models.InvalidDefinition(message=f"Invalid State Machine Definition: {'; '.join(faults)}")

    backend._validate_definition = staticmethod(validate)  # noqa: SLF001


def faults_of(machine: Mapping[str, Any], path: str = "/") -> Iterator[str]:
    """What is wrong with the ways between the states, those of inner machines too."""
    states = machine.get("States") or {}
    if machine.get("StartAt") not in states:
        yield f"MISSING_TRANSITION_TARGET: StartAt {machine.get('StartAt')!r} at {path}StartAt"
    for name, state in states.items():
        here = f"{path}States/{name}/"
        for target in _targets(state):
            if target not in states:
                yield f"MISSING_TRANSITION_TARGET: {target!r} at {here}Next"
        is_last = state.get("Type") in {"Choice", "Succeed", "Fail"}
        if not is_last and ("Next" in state) == bool(state.get("End")):
            yield f"SCHEMA_VALIDATION_FAILED: exactly one of Next and End must be at {here}"
        inner = [
            *state.get("Branches", []),
            *(state[key] for key in ("Iterator", "ItemProcessor") if key in state),
        ]
        for machine_inside in inner:
            yield from faults_of(machine_inside, here)


def _targets(state: Mapping[str, Any]) -> Iterator[str]:
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    found = [way.get("Next") for way in ways] + [state.get("Default")]
    return (target for target in found if target is not None)
