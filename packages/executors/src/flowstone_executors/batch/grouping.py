"""Which requests become jobs of one array. Pure."""

import json
from collections.abc import Sequence

from flowstone_interfaces import TaskRequest

MOST_CHILDREN = 10_000


def groups(requests: Sequence[TaskRequest]) -> list[list[TaskRequest]]:
    """Requests that differ only in what the request object has for each, in their order, at most 10,000."""
    found: dict[str, list[list[TaskRequest]]] = {}
    for request in requests:
        key = json.dumps(
            [
                request.id.rpartition("/")[0],  # an array has one name
                request.argv,
                dict(request.options),
                repr(request.resources),
                request.image,
                request.timeout_seconds,
            ],
            sort_keys=True,
        )
        lists = found.setdefault(key, [[]])
        if len(lists[-1]) == MOST_CHILDREN:
            lists.append([])
        lists[-1].append(request)
    return [each for lists in found.values() for each in lists]
