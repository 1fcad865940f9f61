"""A secret of AWS Secrets Manager -> environment variables. The one module of decorators that needs boto3."""

import json
from typing import Any

from flowstone_runtime.decorators.secret_source import SecretError, SecretSource


def read_aws_secret(source: SecretSource, role: str | None) -> dict[str, str]:
    """The variables that a secret sets.

    Raises:
        SecretError: boto3 is missing, AWS refuses, or the secret is not what the source says.
    """
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise SecretError(source.shown, "boto3 is not installed; pip install boto3") from error
    try:
        answer = _client(source, role).get_secret_value(SecretId=source.id)
    except (BotoCoreError, ClientError) as error:
        raise SecretError(source.shown, str(error)) from error
    text = answer.get("SecretString")
    text = answer["SecretBinary"].decode() if text is None else text
    variable = source.options.get("env_var_name")
    return {variable: text} if variable else _fields(source, text)


def _fields(source: SecretSource, text: str) -> dict[str, str]:
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        reason = "it is no JSON object; name its variable with the option env_var_name"
        raise SecretError(source.shown, reason)  # without its cause: that shows the value
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


def _client(source: SecretSource, role: str | None) -> Any:
    import boto3

    region = source.options.get("region")
    if role is None:
        return boto3.client("secretsmanager", region_name=region)
    token = boto3.client("sts", region_name=region).assume_role(RoleArn=role, RoleSessionName="flowstone")
    given = token["Credentials"]
    return boto3.client(
        "secretsmanager",
        region_name=region,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
