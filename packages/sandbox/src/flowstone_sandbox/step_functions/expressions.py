"""Expressions in state machines.

What is wrong in moto: JSONata and variables need a Java machine that was removed; one definition that cannot be
parsed spoils all later ones; `$['a','b']` gives a list where AWS gives an object.
"""

import functools
import json
import re
import threading
from typing import Any

from flowstone_sandbox.step_functions.everywhere import replace_everywhere

_SEVERAL_NAMES = re.compile(r"^(.*?)\.?\[\s*('[^']*'(?:\s*,\s*'[^']*')+)\s*\]$")
_REMEMBERED = 4096


def repair() -> None:
    """Put all three right."""
    _evaluate_jsonata()
    _parse_one_at_a_time()
    _give_objects()


def _evaluate_jsonata() -> None:
    import jsonata
    from moto.stepfunctions.parser.asl.jsonata import jsonata as of_moto

    def evaluate(expression: str) -> Any:
        try:
            found = jsonata.Jsonata(expression).evaluate(None)
        except Exception as error:
            raise of_moto.JSONataException("UNKNOWN", str(error)) from error
        return json.loads(json.dumps(found, default=lambda _: None))

    replace_everywhere("eval_jsonata_expression", of_moto.eval_jsonata_expression, evaluate)


def _parse_one_at_a_time() -> None:
    from moto.stepfunctions.parser.asl.parse import asl_parser, preprocessor

    lock = threading.Lock()
    original = asl_parser.AmazonStateLanguageParser.parse

    @functools.wraps(original)
    def parse(source: str) -> Any:
        with lock:
            preprocessor.Preprocessor._query_language_per_scope.clear()  # noqa: SLF001
            return original(source)

    asl_parser.AmazonStateLanguageParser.parse = staticmethod(parse)


def _give_objects() -> None:
    from moto.stepfunctions.parser.asl.utils import json_path

    json_path.parse = functools.lru_cache(_REMEMBERED)(json_path.parse)  # to parse is what takes long
    original = json_path.extract_json

    @functools.wraps(original)
    def extract_json(path: str, data: Any) -> Any:
        several = _SEVERAL_NAMES.match(path)
        if several is None:
            return original(path, data)
        base = original(several[1], data)
        names = re.findall(r"'([^']*)'", several[2])
        return _chosen(base, names) if isinstance(base, dict) else [_chosen(item, names) for item in base]

    replace_everywhere("extract_json", original, extract_json)


def _chosen(value: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}
