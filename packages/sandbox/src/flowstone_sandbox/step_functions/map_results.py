"""What a distributed map gives back, or writes to S3.

What is wrong in moto: results of any size are given back, where AWS fails the state; a `ResultWriter` writes a
manifest of nothing, under the name of any map that runs, takes its paths from the results instead of the state's
input, and knows no `WriterConfig`.
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

_MAP_RUN = "_map_run_of_the_sandbox"
_CONFIG = "WriterConfig"
_Parameters = dict[str, Any]


def repair() -> None:
    """Put all of it right."""
    _limit_results()
    _read_writer_configs()
    _write_results()


def remember_map_run(env: Any, record: Any) -> None:
    """Say which map it is whose results an environment holds next."""
    setattr(env, _MAP_RUN, record)


def _limit_results() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_map import state_map

    original = state_map.StateMap._eval_execution  # noqa: SLF001

    @functools.wraps(original)
    def eval_execution(self: Any, env: Any) -> None:
        original(self, env)
        if env.is_running():
            self._verify_size_quota(env=env, value=env.stack[-1])

    state_map.StateMap._eval_execution = eval_execution  # noqa: SLF001


def _read_writer_configs() -> None:
    from moto.stepfunctions.parser.asl.parse import asl_parser

    original = asl_parser.AmazonStateLanguageParser.parse

    @functools.wraps(original)
    def parse(source: str) -> Any:
        return original(json.dumps(with_configs_inside(json.loads(source))) if _CONFIG in source else source)

    asl_parser.AmazonStateLanguageParser.parse = staticmethod(parse)


def with_configs_inside(value: Any) -> Any:
    """A definition whose writer configs are among their writers' parameters, where moto's grammar takes them."""
    if isinstance(value, list):
        return [with_configs_inside(item) for item in value]
    if not isinstance(value, dict):
        return value
    inside = {key: with_configs_inside(item) for key, item in value.items()}
    writer = inside.get("ResultWriter")
    if isinstance(writer, dict) and _CONFIG in writer:
        for key in ("Parameters", "Arguments"):
            if isinstance(writer.get(key), dict):
                writer[key][_CONFIG] = writer.pop(_CONFIG)
                break
    return inside


def _write_results() -> None:
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer import result_writer_decl
    from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (
        resource_eval_s3,
    )

    writer = resource_eval_s3.ResourceEvalS3

    def put_object(env: Any, resource_runtime_part: Any, state_credentials: Any) -> None:
        parameters: _Parameters = env.stack.pop()
        results: list[Any] = env.stack.pop()
        arn: str = getattr(env, _MAP_RUN).map_run_arn
        prefix = parameters["Prefix"].removesuffix("/")
        folder = f"{prefix}/{arn.rpartition(':')[2]}" if prefix else arn.rpartition(":")[2]
        config = parameters.get(_CONFIG, {})
        s3 = writer._get_s3_client(resource_runtime_part, state_credentials)  # noqa: SLF001
        files = []
        if results:
            body = written(results, config).encode()
            key = f"{folder}/SUCCEEDED_0.{config.get('OutputType', 'JSON').lower()}"
            s3.put_object(Bucket=parameters["Bucket"], Key=key, Body=body)
            files.append({"Key": key, "Size": len(body)})
        manifest = {
            "DestinationBucket": parameters["Bucket"],
            "MapRunArn": arn,
            "ResultFiles": {"FAILED": [], "PENDING": [], "SUCCEEDED": files},
        }
        key = f"{folder}/manifest.json"
        s3.put_object(Bucket=parameters["Bucket"], Key=key, Body=json.dumps(manifest).encode())
        env.stack.append({"MapRunArn": arn, "ResultWriterDetails": {"Bucket": parameters["Bucket"], "Key": key}})

    def eval_body(self: Any, env: Any) -> None:
        env.stack.append(env.states.get_input())
        self.parargs.eval(env=env)
        parameters = env.stack.pop()
        env.stack[-1] = parameters
        self.resource_eval.eval_resource(env=env)

    writer._handle_put_object = staticmethod(put_object)  # noqa: SLF001
    result_writer_decl.ResultWriter._eval_body = eval_body  # noqa: SLF001


def written(results: list[Any], config: Mapping[str, str]) -> str:
    r"""The content of a file of results; of an item's execution, `NONE` has its output and its status only.

    >>> written([[1], [2]], {"Transformation": "FLATTEN", "OutputType": "JSONL"})
    '1\n2\n'
    """
    how = config.get("Transformation", "NONE")
    if how == "NONE":
        results = [{"Output": json.dumps(result), "Status": "SUCCEEDED"} for result in results]
    elif how == "FLATTEN":
        results = [part for result in results for part in (result if isinstance(result, list) else [result])]
    if config.get("OutputType") == "JSONL":
        return "".join(f"{json.dumps(result)}\n" for result in results)
    return json.dumps(results)
