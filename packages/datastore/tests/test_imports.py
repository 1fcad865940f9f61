import subprocess
import sys

HEAVY = "numpy pandas pyarrow boto3 networkx hypothesis zstandard cloudpickle asyncio pytest importlib.metadata"


def test_importing_loads_nothing_heavy():
    """Each `python flow.py run` pays for it."""
    code = f"import sys, flowstone_datastore; print([name for name in {HEAVY.split()} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) == "[]\n"


def test_saving_what_pickle_takes_loads_no_cloudpickle():
    """Each task pays for it."""
    code = (
        "import sys; from flowstone_datastore import *;"
        "store = Datastore.at(MemoryStorage(), create=True);"
        "store.artifacts.load(store.artifacts.save({'a': 1}));"
        f"print([name for name in {HEAVY.split()} if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True) == "[]\n"
