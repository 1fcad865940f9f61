from flowstone_executors.local.memory_kills import MemoryKills


def test_each_kill_for_memory_is_told_once(tmp_path) -> None:
    """So that of two tasks that die, one for memory and one by hand, not both are blamed."""
    counters = tmp_path / "vmstat"
    counters.write_text("nr_free_pages 7\noom_kill 3\nother 1\n")
    kills = MemoryKills(counters)
    kills.start()
    assert not kills.take_one()
    counters.write_text("nr_free_pages 7\noom_kill 5\nother 1\n")
    assert [kills.take_one() for _ in range(3)] == [True, True, False]


def test_where_nobody_counts_nothing_is_said(tmp_path) -> None:
    """On other systems a kill is a kill."""
    kills = MemoryKills(tmp_path / "no such file")
    kills.start()
    assert not kills.take_one()
