"""Names of events that belong to a branch of a project."""

from flowstone_runtime.current import current


def namespaced_event_name(name: str) -> str:
    """`name`, within the project and the branch of the running task, if its flow has @project."""
    project, branch = current.get("project_name"), current.get("branch_name")
    return f"{project}.{branch}.{name}" if project and branch else name
