"""Who uses what."""

import random

from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import ArtifactTable, Datastore, RunStarted, TaskFinished
from flowstone_datastore.usage import Usage, share_out, usage

addresses = st.integers(0, 8).map(str)
uses = st.lists(st.tuples(st.sampled_from("FG"), st.frozensets(addresses)), max_size=6).map(
    lambda runs: [
        (flow, str(number), 7, {address: 10 ** int(address) for address in chunks})
        for number, (flow, chunks) in enumerate(sorted(runs, key=lambda run: run[0]))
    ]
)


@given(uses)
def test_each_byte_is_ones_alone_or_shared(uses):
    """Against the definition, spelt out."""
    report = share_out(uses)
    for flow, run_id, _, chunks in uses:
        others = set().union(*[other[3] for other in uses if other[1] != run_id])
        alone = sum(size for address, size in chunks.items() if address not in others)
        assert report.runs[flow, run_id] == Usage(alone, sum(chunks.values()) - alone, 7)
    for flow, used in report.flows.items():
        own = {address: size for use in uses if use[0] == flow for address, size in use[3].items()}
        others = set().union(*[use[3] for use in uses if use[0] != flow])
        alone = sum(size for address, size in own.items() if address not in others)
        assert (used.unshared_bytes, used.shared_bytes) == (alone, sum(own.values()) - alone)
        assert used.record_bytes == 7 * len([use for use in uses if use[0] == flow])
    everything = {address: size for use in uses for address, size in use[3].items()}
    assert report.size_bytes == sum(everything.values()) + 7 * len(uses)


def test_a_store_is_measured_from_its_records(tmp_path):
    """Nothing is loaded; what nobody uses is not there."""
    store = Datastore.open(tmp_path, create=True)
    store.artifacts.save(random.Random(9).randbytes(20_000))
    for flow, run_id, seed in (("F", "1", 1), ("F", "2", 2), ("G", "1", 3)):
        writer = store.journal(flow, run_id).writer("main")
        writer.append(RunStarted(time=1.0, flow=flow, run_id=run_id))
        own, common = (store.artifacts.save(random.Random(s).randbytes(20_000)) for s in (seed, 0))
        table = ArtifactTable(entries={"own": own, "common": common})
        writer.append(TaskFinished(time=1.0, step="a", task="1", artifacts=table))
    report = usage(store)
    assert report.runs["F", "1"].unshared_bytes == report.runs["F", "1"].shared_bytes >= 20_000
    assert report.flows["F"].unshared_bytes == 2 * report.flows["G"].unshared_bytes
    assert report.chunk_bytes == 4 * report.runs["F", "1"].unshared_bytes
    assert report.record_bytes == sum(path.stat().st_size for path in (tmp_path / "runs").rglob("*.jsonl"))
