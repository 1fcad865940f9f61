"""Run one attempt of one task: parents in, a record of what became of it out."""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import attrs

from flowstone_datastore import (
    Artifact,
    ArtifactTable,
    Datastore,
    Journal,
    Reads,
    RecordRef,
    RunStarted,
    TaskFailed,
    TaskFinished,
    Transition,
    UnpicklableError,
)
from flowstone_datastore.data_access import DataAccesses
from flowstone_graph import FlowGraph, ForeachFrame, Kind, Node
from flowstone_interfaces import FlowstoneError
from flowstone_runtime.current import ParallelPosition, Position, current
from flowstone_runtime.decorators.step_decorator import StepDecorator
from flowstone_runtime.decorators.task_attempt import TaskAttempt
from flowstone_runtime.errors import TaskCrashedError, UnstorableArtifactError
from flowstone_runtime.flowspec import FlowSpec
from flowstone_runtime.scheduling.next_attempt import retry_of
from flowstone_runtime.tasks.gang import is_gang_member
from flowstone_runtime.tasks.inputs import Inputs
from flowstone_runtime.tasks.parent_artifacts import ParentArtifacts, nothing_inherited
from flowstone_runtime.tasks.task_context import FLOW_IS_NO_ARTIFACT, FOREACH_PREFIX, TaskContext
from flowstone_runtime.tasks.task_spec import ParentRef, TaskSpec
from flowstone_runtime.tasks.task_surroundings import namespace_of, task_surroundings
from flowstone_runtime.tasks.user_traceback import report_error
from flowstone_runtime.user_decorators.around_step import call_within_user_code
from flowstone_runtime.user_decorators.user_step import UserCode


@attrs.frozen
class TaskRunner:
    """Runs tasks of one run in this process, one after the other."""

    flow: type[FlowSpec]
    graph: FlowGraph
    datastore: Datastore
    run: RunStarted
    on_error: Callable[[BaseException], None] | None = None
    """Called with what a step raised while `current` still says where it was: for a debugger."""
    known_records: Mapping[RecordRef, TaskFinished] = attrs.field(factory=dict)
    """Records that were read before."""

    def execute(self, spec: TaskSpec) -> TaskFinished | TaskFailed:
        """Run the step and store what it leaves on `self`.

        Every exception of the user's code becomes a `TaskFailed`, told on standard
        error; the artifacts set before it are stored all the same. Its `time` is when the
        attempt ended; what only the executor knows (logs, usage) is left open.
        """
        started = time.monotonic()
        context, inputs = self._prepare(spec)
        flow = self._instance(context)
        position = self._position(spec)
        current.enter(position)
        error: BaseException | None = None
        accesses = DataAccesses()
        try:
            attempt = _attempt(flow, context, spec, position.pathspec)
            call = _user_code(flow, context, inputs, spec.failure)
            for decorator in context.node.decorators:
                call = partial(_call_within, decorator, attempt, call)
            with task_surroundings(self.datastore, self.run) as accesses:
                call()
        except KeyboardInterrupt:
            raise
        except BaseException as raised:  # noqa: BLE001 - whatever the step raises is its outcome
            error = raised
            if self.on_error is not None:
                self.on_error(raised)
        finally:
            current.enter(None)
        table = ArtifactTable()
        try:
            table, unstorable = self._store_artifacts(flow, context, is_failed=error is not None)
            error = error or unstorable
        except FlowstoneError as raised:  # a full disk, a store gone read-only, a damaged table of a parent
            error = error or raised
        reads = _reads(context, inputs) if spec.failure is None else self._all_values()
        seconds = time.monotonic() - started
        if error is None:
            leaving = context.transition
            return TaskFinished(
                time=time.time(),
                step=spec.key.step,
                task=spec.key.id,
                attempt=spec.attempt,
                artifacts=table,
                reads=reads,
                data=accesses.all(),
                transition=None if leaving is None else Transition(leaving.targets, leaving.count),
                seconds=seconds,
            )
        report = report_error(error)
        with suppress(OSError, ValueError, AttributeError):  # the step may have closed it; the record tells it too
            sys.stderr.write(report.traceback)
        return TaskFailed(
            time=time.time(),
            step=spec.key.step,
            task=spec.key.id,
            attempt=spec.attempt,
            artifacts=table,
            reads=reads,
            data=accesses.all(),
            error=report,
            reason="exception",
            will_retry=_will_retry(context.node, spec.attempt - spec.lost, error),
            seconds=seconds,
        )

    def prepare(self, spec: TaskSpec) -> tuple[FlowSpec, Inputs | None]:
        """`self` as the step is about to find it, and the inputs of a join; nothing is run."""
        context, inputs = self._prepare(spec)
        return self._instance(context), inputs

    def restored(self, spec: TaskSpec, left: ParentArtifacts) -> FlowSpec:
        """`self` of a task that left these artifacts."""
        return self._instance(self._context(self.graph[spec.key.step], spec.stack, left))

    # What the step starts from

    def _prepare(self, spec: TaskSpec) -> tuple[TaskContext, Inputs | None]:
        node = self.graph[spec.key.step]
        journal = self.datastore.journal(spec.flow, spec.run_id)
        parents = [self._parent(journal, ref) for ref in spec.parents]
        if node.kind is not Kind.JOIN:
            parent = parents[0] if parents else nothing_inherited(self.datastore.tables)
            return self._context(node, spec.stack, parent), None
        branches = tuple(
            self._instance(self._context(self.graph[ref.key.step], _branch_stack(self.graph, spec, ref), parent))
            for ref, parent in zip(spec.parents, parents, strict=True)
        )
        inputs = Inputs(branches, tuple(ref.key.step for ref in spec.parents))
        split = None if parents else self._parent(journal, _split_of(spec))
        context = self._context(node, spec.stack, self._foreach_items_only(split or parents[0], spec.stack))
        context.empty_split = split
        return context, inputs

    def _context(self, node: Node, stack: tuple[ForeachFrame, ...], parent: ParentArtifacts) -> TaskContext:
        variables = {frame.step: self.graph[frame.step].foreach for frame in stack}
        values = {**self.run.constants, **self.run.parameters}
        return TaskContext(self.datastore.artifacts, node, stack, variables, values, parent)

    def _parent(self, journal: Journal, ref: ParentRef) -> ParentArtifacts:
        def fetch() -> ArtifactTable:
            record = self.known_records.get(ref.record) or journal.read(ref.record)
            assert isinstance(record, TaskFinished), "only finished tasks have children"
            return record.artifacts

        return ParentArtifacts(str(ref.key), self.datastore.tables, fetch)

    def _foreach_items_only(self, parent: ParentArtifacts, stack: tuple[ForeachFrame, ...]) -> ParentArtifacts:
        """What a join inherits without being told: the items of the foreachs that are still around it."""
        wanted = [FOREACH_PREFIX + frame.step for frame in stack]

        def fetch() -> ArtifactTable:
            return ArtifactTable(
                entries={name: found for name in wanted if (found := parent.get(name)) is not None}
            )

        return ParentArtifacts(parent.task, self.datastore.tables, fetch)

    def _instance(self, context: TaskContext) -> FlowSpec:
        flow = self.flow.__new__(self.flow)
        object.__setattr__(flow, "_flowstone_context", context)
        return flow

    def _position(self, spec: TaskSpec) -> Position:
        run = self.run
        return Position(
            flow_name=spec.flow,
            run_id=spec.run_id,
            step_name=spec.key.step,
            task_id=spec.key.id,
            retry_count=spec.attempt,
            username=run.user,
            origin_run_id=run.origin_run,
            parameter_names=tuple(run.parameters),
            tags=frozenset(run.tags),
            namespace=namespace_of(run),
            graph_info=run.graph,
            parallel=self._parallel_position(spec),
            datastore=self.datastore,
            facts=run.settings.get("current", {}),
        )

    def _parallel_position(self, spec: TaskSpec) -> ParallelPosition | None:
        if not spec.stack or not is_gang_member(self.graph, spec.key.step, spec.stack):
            return None
        frame = spec.stack[-1]
        first = attrs.evolve(spec.key, indices=(*spec.key.indices[:-1], 0))
        return ParallelPosition("127.0.0.1", frame.count, frame.index, first.id)

    def _all_values(self) -> Reads:
        """What a task may have read that crashed, and so could not say."""
        values = {**self.run.constants, **self.run.parameters}
        return Reads(parameters={name: artifact.address for name, artifact in values.items()})

    # What it leaves behind

    def _store_artifacts(
        self, flow: FlowSpec, context: TaskContext, *, is_failed: bool
    ) -> tuple[ArtifactTable, UnstorableArtifactError | None]:
        """Store what can be stored; the first value that cannot is the error."""
        entries: dict[str, Artifact | None] = dict.fromkeys(context.deleted)
        entries.update(context.kept)
        unstorable: UnstorableArtifactError | None = None
        save = self.datastore.artifacts.save
        for name, value in list(vars(flow).items()):
            if name in FlowSpec._FLOWSTONE_NAMES or hasattr(type(flow), name):  # noqa: SLF001 - its runner
                continue
            refusal = _refusal(name, value)
            if refusal:
                kind = type(value).__qualname__
                unstorable = unstorable or UnstorableArtifactError(context.node.name, name, kind, refusal)
                continue
            try:
                entries[name] = context.unchanged(name, value) or context.settled(name, save(value))
            except UnpicklableError as error:
                unstorable = unstorable or UnstorableArtifactError(
                    context.node.name, name, error.type_name, error.detail
                )
        leaving = None if is_failed else context.transition
        if context.node.foreach and leaving and unstorable is None:
            entries[FOREACH_PREFIX + context.node.name] = self._foreach_items(flow, context, entries)
        table = context.parent.table.updated(entries)
        heirs = 0 if leaving is None else len(leaving.targets) if leaving.count is None else leaving.count
        return self.datastore.tables.spill(table, heirs), unstorable

    def _foreach_items(
        self, flow: FlowSpec, context: TaskContext, entries: Mapping[str, Artifact | None]
    ) -> Artifact:
        """What the foreach runs over: an artifact, a parameter, or what was made of one to have positions."""
        name, items = context.node.foreach, context.foreach_items
        assert name is not None, "called for a foreach only"
        known = entries.get(name) or context.entry(name)
        if known is not None and getattr(flow, name) is items:
            return known
        # Of an included file, the items may be what its parser made, and not what is stored.
        if known is None and name in context.parameters and context.parameter(name) is items:
            return context.parameters[name]
        return self.datastore.artifacts.save(items)


def _user_code(
    flow: FlowSpec, context: TaskContext, inputs: Inputs | None, failure: str | None
) -> Callable[[], None]:
    """The step within the user's own decorators; of a task that crashed, only the reason."""
    if failure is not None:
        return partial(_raise, TaskCrashedError(context.node.name, failure))
    call = partial(_call_step, flow, context, inputs)
    for decorator in context.node.decorators:
        if isinstance(decorator, UserCode):
            call = partial(call_within_user_code, decorator, flow, context, inputs, call)
    return call


def _raise(error: Exception) -> None:
    raise error


def _call_step(flow: FlowSpec, context: TaskContext, inputs: Inputs | None) -> None:
    step = getattr(flow, context.node.name)
    if inputs is None:
        step()
    else:
        step(inputs)
    context.check_left()


def _call_within(decorator: StepDecorator, attempt: TaskAttempt, call: Callable[[], None]) -> None:
    with decorator.wrap(attempt):
        call()


def _attempt(flow: FlowSpec, context: TaskContext, spec: TaskSpec, pathspec: str) -> TaskAttempt:
    node = context.node
    return TaskAttempt(
        flow,
        node,
        spec.attempt,
        pathspec,
        will_retry=partial(_will_retry, node, spec.attempt - spec.lost),
        go_on=partial(context.leave_as_written, flow),
    )


def _will_retry(node: Node, number: int, error: BaseException) -> bool:
    """Whether another attempt follows one that ended with `error`."""
    retry = retry_of(node)
    is_over = isinstance(error, TaskCrashedError)  # its attempts are used up: this one only catches
    return retry is not None and not is_over and number < retry.times and retry.wants(error)


def _refusal(name: str, value: object) -> str | None:
    """Why something on `self` cannot be an artifact, as far as that shows without pickling it."""
    if isinstance(value, FlowSpec):
        return FLOW_IS_NO_ARTIFACT
    return None if name.isidentifier() else "its name is no Python identifier"  # setattr takes any text


def _branch_stack(graph: FlowGraph, spec: TaskSpec, ref: ParentRef) -> tuple[ForeachFrame, ...]:
    """The foreach stack of a task that ends a branch of the join `spec`."""
    split = graph.matching_split(spec.key.step)
    assert split is not None, "the graph says that this step joins"
    if graph[split].kind is not Kind.FOREACH:
        return spec.stack
    return (*spec.stack, ForeachFrame(split, ref.key.indices[-1], len(spec.parents)))


def _split_of(spec: TaskSpec) -> ParentRef:
    assert spec.split is not None, "a join without parents closes a foreach without items"
    return spec.split


def _reads(context: TaskContext, inputs: Inputs | None) -> Reads:
    contexts = [context, *(branch._flowstone_context for branch in inputs or ())]  # noqa: SLF001 - its runner
    parents = [part.parent for part in contexts] + ([context.empty_split] if context.empty_split else [])
    artifacts: dict[str, Mapping[str, str]] = {}
    for parent in parents:
        if parent.reads:
            artifacts[parent.task] = {**artifacts.get(parent.task, {}), **parent.reads}
    parameters = {name: address for part in contexts for name, address in part.parameter_reads.items()}
    return Reads(parameters=parameters, artifacts=artifacts)
