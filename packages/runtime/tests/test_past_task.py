import pickle
import time

import pytest

from flowstone_client import Client, Task
from flowstone_datastore import Datastore, RunStarted, TaskFinished, TaskStarted
from flowstone_runtime.past_runs.past_task import NotRepeatableError, past_task


def test_a_run_that_kept_no_code_cannot_be_entered(tmp_path):
    """One sentence says why, and what can be done."""
    store = Datastore.open(tmp_path / "store", create=True)
    store.claim_run_id("Train", "1", now=1.0)
    writer = store.journal("Train", "1").writer("main")
    writer.append(RunStarted(time=time.time(), flow="Train", run_id="1"))
    writer.append(TaskStarted(time=time.time(), step="fit", task="0"))
    writer.append(TaskFinished(time=time.time(), step="fit", task="0"))
    task = Task("Train/1/fit/0", client=Client(store))
    with pytest.raises(NotRepeatableError) as caught, past_task(task, store):
        pytest.fail("it was entered")
    assert str(caught.value) == (
        "Train/1/fit/0 cannot be brought back: its run kept no code; "
        "look at what it left with Task('Train/1/fit/0')"
    )
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
