"""`flowstone event NAME`: start the deployed flows that wait for an event."""

import json

import click


@click.command()
@click.argument("name")
@click.option("--payload", metavar="JSON", default="{}", help='Fields for parameters: \'{"day": "2026-01-02"}\'.')
def event(name: str, payload: str) -> None:
    """Send an event; deployed flows with @trigger(event="NAME") start."""
    from flowstone_deployer.publish import InvalidEventError, publish_event

    try:
        fields = json.loads(payload)
    except ValueError as error:
        raise InvalidEventError(name, f"the payload is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise InvalidEventError(name, 'the payload must be an object, like {"day": "2026-01-02"}')
    click.echo(publish_event(name, fields))
