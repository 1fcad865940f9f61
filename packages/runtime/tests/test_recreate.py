import pytest

from flowstone_client import Distribution
from flowstone_runtime.environments.recreate import _differences, requirement_of


def test_a_folder_that_is_gone_is_told_and_not_asked_for(tmp_path) -> None:
    """An editable installation of a deleted checkout cannot come back; whoever reads the result must know."""
    gone = Distribution("lib", "1.0", "editable", (tmp_path / "gone").as_uri())
    assert requirement_of(gone) == ""
    assert "lib 1.0 is missing: it was installed from" in " ".join(_differences(gone))


@pytest.mark.parametrize(("kind", "start"), [("editable", "-e "), ("folder", "lib @ file:///")])
def test_a_folder_that_is_there_is_used_as_it_is_now(tmp_path, kind, start) -> None:
    """Better than nothing, and said."""
    folder = tmp_path / "my lib"
    folder.mkdir()
    there = Distribution("lib", "1.0", kind, folder.as_uri())
    assert requirement_of(there).startswith(start)
    assert "as it is there now, not as it was" in " ".join(_differences(there))


def test_what_an_index_gave_comes_back_as_it_was() -> None:
    """The exact version, nothing to tell; that it was conda's is told."""
    assert requirement_of(Distribution("six", "1.16.0")) == "six==1.16.0"
    assert list(_differences(Distribution("six", "1.16.0"))) == []
    assert "came from conda" in " ".join(_differences(Distribution("six", "1.16.0", "conda")))
