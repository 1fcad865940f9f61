import os
import subprocess
import sys

import attrs
import pytest

from flowstone_datastore import ProcessIdentity, current_process, is_alive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which process is which")

TELL = "import flowstone_datastore as d; print(d.current_process().to_json(), flush=True); input()"


def test_this_process_is_alive():
    """It is asking."""
    assert is_alive(current_process()) is True
    assert current_process() == current_process()


def test_a_process_lives_until_it_is_gone():
    """A zombie is gone too: it will never write again."""
    child = subprocess.Popen(
        [sys.executable, "-c", TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        identity = ProcessIdentity.from_json(eval(child.stdout.readline()))
        assert identity.pid == child.pid
        assert is_alive(identity) is True
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_alive(identity) is False
    assert is_alive(identity) is False


def test_another_process_with_the_same_id_is_another():
    """Ids are used again after minutes."""
    assert is_alive(attrs.evolve(current_process(), start_ticks=1)) is False


@pytest.mark.parametrize("field", ["host", "boot_id", "pid_namespace"])
def test_elsewhere_nobody_can_tell(field):
    """Better no answer than a wrong one."""
    assert is_alive(attrs.evolve(current_process(), **{field: "elsewhere"})) is None


@pytest.mark.parametrize("pid", [0, 2**31, 2**63 - 1])
def test_absurd_ids_are_not_alive(pid):
    """A record may be hostile."""
    assert not is_alive(attrs.evolve(current_process(), pid=pid))


def test_where_the_system_tells_nothing_nobody_can_tell(monkeypatch):
    """macOS has no /proc."""

    def no_proc(*args, **options):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", no_proc)
    process = current_process()
    assert (process.boot_id, process.pid_namespace, process.start_ticks) == ("", "", 0)
    assert is_alive(process) is None
