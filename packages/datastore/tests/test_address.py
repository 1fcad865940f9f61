import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowstone_datastore import InvalidAddressError, address_of, check_address
from flowstone_datastore.address import artifact_address


@given(st.binary(), st.binary())
def test_equal_addresses_mean_equal_bytes(one, other):
    """Deduplication rests on this."""
    assert (address_of(one) == address_of(other)) == (one == other)


@given(st.lists(st.binary()))
def test_where_bytes_are_cut_does_not_matter(pieces):
    """A value's memory comes in pieces."""
    assert address_of(*pieces) == address_of(b"".join(pieces))


@given(st.text(alphabet="ab", min_size=1), st.lists(st.binary(max_size=2).map(address_of)), st.data())
def test_no_two_artifacts_share_a_pre_image(encoding, addresses, data):
    """Else two different values would be taken for one."""
    other = data.draw(st.lists(st.binary(max_size=2).map(address_of)))
    stream = address_of(b"")
    same = artifact_address(encoding, stream, addresses) == artifact_address(encoding, stream, other)
    assert same == (addresses == other)


@pytest.mark.parametrize(
    "text", ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "../" * 21 + "a", "a" * 64 + "\n", None, 7]
)
def test_only_addresses_pass(text):
    """An address becomes a path."""
    with pytest.raises(InvalidAddressError, match="64 digits"):
        check_address(text)
