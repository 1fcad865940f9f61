"""What a graph means: which tasks a run has, and when each may start.

The one definition of it. A scheduler drives an `Execution` or is tested against
one. It knows no clock, no processes and no artifacts: tasks finish when someone
says so, in any order, and the tasks of the run do not depend on that order.
"""

from flowstone_graph.flow_graph import FlowGraph
from flowstone_graph.node import Kind, Node, Transition
from flowstone_graph.task import ForeachFrame, Task, TaskKey
from flowstone_interfaces import FlowstoneError


class UnknownTaskError(FlowstoneError, LookupError):
    """A task has been reported as finished that is not running."""

    def __init__(self, key: TaskKey) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"the task {self.key} is not running: it has never started or has finished; finish every task once"


class InvalidTransitionError(FlowstoneError, ValueError):
    """A task has gone where its step does not lead."""

    def __init__(self, key: TaskKey, transition: Transition, expected: str, file: str = "", line: int = 0) -> None:
        super().__init__(key, transition, expected, file, line)
        self.key = key
        self.transition = transition
        self.expected = expected
        self.file = file
        self.line = line

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else ""
        targets = ", ".join(self.transition.targets) or "nowhere"
        count = "" if self.transition.count is None else f", {self.transition.count} times"
        return (
            f"{place}the task {self.key} went to {targets}{count}, but its step leads to {self.expected}; "
            "execute the self.next call that the step is written with, and no other"
        )


class Execution:
    """The tasks of one run of a graph: which are running, which come next.

    Every method costs O(1) per task that it makes ready. What is kept is the
    running tasks and the finished ones that a join still waits for. Not
    thread-safe: one scheduler drives it.

    >>> from flowstone_graph import FlowGraph, Kind, Node, Transition
    >>> nodes = (Node("start", Kind.LINEAR, ("end",)), Node("end", Kind.LINEAR))
    >>> execution = Execution(FlowGraph("Hello", nodes, "start", "end"))
    >>> first = execution.start()
    >>> [str(task.key) for task in execution.finish(first.key, Transition(("end",)))]
    ['end/0']
    """

    def __init__(self, graph: FlowGraph) -> None:
        self._graph = graph
        self._running: dict[TaskKey, Task] = {}
        self._waiting: dict[TaskKey, dict[int, TaskKey]] = {}
        """By join: which branches or items have come, and from which task."""
        self._is_started = False
        self._is_finished = False

    @property
    def is_finished(self) -> bool:
        """True once the last step's task has finished: nothing runs any more."""
        return self._is_finished

    @property
    def running(self) -> tuple[TaskKey, ...]:
        """The tasks that are ready and have not finished, in the order in which they became ready."""
        return tuple(self._running)

    def start(self) -> Task:
        """The first task, which is ready at once.

        Raises:
            RuntimeError: called before.
        """
        if self._is_started:
            raise RuntimeError("an execution starts once; make a new one for a new run")
        self._is_started = True
        return self._make_ready(Task(TaskKey(self._graph.start)))

    def finish(self, key: TaskKey, transition: Transition) -> tuple[Task, ...]:
        """Take note that a task has finished; the tasks that became ready by it.

        They come in the order of the items or of the targets. After an error
        nothing has changed, and the task is still running.

        Raises:
            UnknownTaskError: the task is not running.
            InvalidTransitionError: its step does not lead there.
        """
        task = self._running.get(key)
        if task is None:
            raise UnknownTaskError(key)
        node = self._graph[key.step]
        _check_transition(node, key, transition)
        del self._running[key]
        if node.is_terminal:
            self._is_finished = True
            return ()
        if node.kind is Kind.FOREACH:
            ready = self._fan_out(task, node, transition.count or 0)
        else:
            ready = [follower for target in transition.targets for follower in self._follow(task, target)]
        return tuple(map(self._make_ready, ready))

    def _make_ready(self, task: Task) -> Task:
        self._running[task.key] = task
        return task

    def _fan_out(self, task: Task, node: Node, count: int) -> list[Task]:
        """One task per item; with no items, the join that would have waited for them."""
        indices, parents = task.key.indices, (task.key,)
        if count == 0:
            join = self._graph.matching_join(node.name)
            assert join is not None, "a sound graph joins every split"
            return [Task(TaskKey(join, indices), task.stack)]
        target = node.targets[0]
        return [
            Task(TaskKey(target, (*indices, index)), (*task.stack, ForeachFrame(node.name, index, count)), parents)
            for index in range(count)
        ]

    def _follow(self, task: Task, target: str) -> list[Task]:
        """The task of `target`, if `task` was the last that it waited for."""
        key = task.key
        if self._graph[target].kind is Kind.JOIN:
            return self._arrive(task, target)
        iteration = key.iteration + 1 if target == key.step else 0
        return [Task(TaskKey(target, key.indices, iteration), task.stack, (key,))]

    def _arrive(self, task: Task, join: str) -> list[Task]:
        """Count a branch or an item as done; the join's task if it was the last."""
        split = self._graph[self._graph.split_stack(task.key.step)[-1]]
        if split.kind is Kind.FOREACH:
            frame = task.stack[-1]
            slot, count, stack = frame.index, frame.count, task.stack[:-1]
        else:
            branch = self._graph.branch_index(task.key.step)
            assert branch is not None, "a task that comes to a join stands in a branch"
            slot, count, stack = branch, len(split.targets), task.stack
        key = TaskKey(join, tuple(frame.index for frame in stack))
        arrived = self._waiting.setdefault(key, {})
        arrived[slot] = task.key
        if len(arrived) < count:
            return []
        del self._waiting[key]
        return [Task(key, stack, tuple(arrived[slot] for slot in range(count)))]


def _check_transition(node: Node, key: TaskKey, transition: Transition) -> None:
    """Refuse a transition that the step cannot make."""
    if not node.allows(transition):
        raise InvalidTransitionError(key, transition, _expected(node), node.file, node.next_line or node.line)


def _expected(node: Node) -> str:
    """Where a step leads, for people."""
    targets = ", ".join(node.targets) or "nowhere, it is the last"
    if node.kind is Kind.FOREACH:
        return f"{targets}, zero times or more"
    if node.kind is Kind.SWITCH:
        return f"exactly one of {targets}"
    return targets
