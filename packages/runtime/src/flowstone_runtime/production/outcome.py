"""What a task leaves for the scheduler to read: the items of a foreach, the way of a switch."""

import json

from flowstone_datastore import Storage, TaskFinished
from flowstone_graph import Kind, Node, TaskKey
from flowstone_interfaces.production import SWITCH_SEPARATOR, items_path, way_path
from flowstone_runtime.production.identity import parent_text


def write_outcome(
    storage: Storage, flow: str, run_id: str, node: Node, key: TaskKey, record: TaskFinished
) -> None:
    """Write it, before the record that says that the task has finished; most steps leave nothing.

    Raises:
        StorageError: it could not be written.
    """
    leaving = record.transition
    item = TaskKey(key.step, key.indices).id
    if leaving is None:
        return
    if node.kind is Kind.FOREACH:
        items = [TaskKey(key.step, (*key.indices, index)).id for index in range(leaving.count or 0)]
        text = json.dumps(items, separators=(",", ":"))
        storage.write(items_path(flow, run_id, key.step, item), text.encode())
    elif node.kind is Kind.SWITCH:
        text = f"{leaving.targets[0]}{SWITCH_SEPARATOR}{parent_text(key)}"
        storage.write(way_path(flow, run_id, key.step, item), text.encode())
