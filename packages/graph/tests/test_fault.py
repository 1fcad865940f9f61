"""A fault is shown as people read it and handled as programs need it."""

import pickle

from flowstone_graph import Fault, InvalidFlowError


def test_a_fault_shows_as_much_of_its_place_as_is_known():
    """No colon without a line, no step without a name."""
    assert str(Fault("c", "x", "f.py", 3, "what", "do")) == "f.py:3: step 'x': what; do"
    assert str(Fault("c", None, "f.py", 0, "what", "do")) == "f.py: what; do"
    assert str(Fault("c", None, "", 0, "what", "do")) == "what; do"


def test_an_invalid_flow_crosses_processes_with_all_its_faults():
    """The check may run in another process than the one that reports it."""
    error = InvalidFlowError("Train", (Fault("c", "x", "f.py", 3, "what", "do"),))
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.flow, copy.faults) == (error.flow, error.faults)
    assert str(copy) == "the flow Train has one fault:\n  f.py:3: step 'x': what; do"
