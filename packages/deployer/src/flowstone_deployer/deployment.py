"""A deployment: a flow as it was handed to a production scheduler, unchangeable from then on."""

from collections.abc import Mapping
from typing import Any

import attrs

from flowstone_datastore import Code, address_of
from flowstone_graph import FlowGraph
from flowstone_interfaces.pathspec import check_part

_RECORD_TYPE = "flowstone-deployment"


@attrs.frozen
class Deployment:
    """What runs when the scheduler fires: which code, in which environment, along which graph.

    Two deployments of the same content are the same deployment, whoever made them and
    whenever: its version says what it does.
    """

    graph: FlowGraph
    code: Code
    environment_address: str | None = None
    """The locked environment, by content; `None` for the one the worker has."""
    settings: Mapping[str, str] = attrs.field(factory=dict)
    """What the deployer was told beyond the flow itself: schedule, queue, image, ..."""

    def __attrs_post_init__(self) -> None:
        check_part(self.graph.name)

    @property
    def version(self) -> str:
        """The BLAKE3 address of the content, in hex.

        The pre-image starts with its own type and holds children by their addresses, so
        that it can be taken for no other record.
        """
        import json

        files = {path: ref.address for path, ref in sorted(self.code.files.items())}
        content: list[Any] = [
            _RECORD_TYPE,
            _without_places(self.graph.to_dict()),
            self.code.flow_file,
            files,
            self.environment_address,
            dict(sorted(self.settings.items())),
        ]
        return address_of(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def _without_places(graph: Mapping[str, Any]) -> dict[str, Any]:
    """The graph without file names and lines of the machine that made it; the code says what was there."""
    nodes = [{k: v for k, v in node.items() if k not in {"file", "line", "next_line"}} for node in graph["nodes"]]
    return {**{key: value for key, value in graph.items() if key != "file"}, "nodes": nodes}
