"""What a package offers for its types: an encoding that is better than a pickle, a file that others open.

A plugin of the entry-point group `flowstone.serializers` is an object with the attributes of `Serializer`, of
`Exporter`, or of both (or a class, which is called without arguments): an instance, or a module.
"""

from collections.abc import Collection, Sequence
from typing import Any, Protocol, runtime_checkable

from flowstone_datastore.storage import Buffer


@runtime_checkable
class Claims(Protocol):
    """Says which values a plugin is for. Imported to be asked: import what is heavy inside of methods."""

    @property
    def types(self) -> Collection[str]:
        """Names of types, module and qualified name: `torch.Tensor`. Types derived from them are claimed, too.

        Of several claims, that of the most derived type counts, and of equal ones that of the plugin whose name
        sorts first.
        """


@runtime_checkable
class Serializer(Claims, Protocol):
    """Stores values in an encoding of its own, which has the name of the plugin's entry point.

    Types of the standard library and of `__main__` are always pickled. Called from several threads at once.
    """

    def dump(self, value: Any) -> tuple[bytes, Sequence[Buffer]] | None:
        """A value of a claimed type as bytes and large memory, both read before the value can change.

        The same value gives the same bytes, in any process: its address is made of them. Memory is contiguous
        and need not be copied. `None` leaves this value to pickle. What it raises says why it cannot be stored.
        """

    def load(self, stream: Buffer, buffers: Sequence[Buffer]) -> Any:
        """The value of what `dump` gave, by this version or an older. It may keep the buffers and change them."""


@runtime_checkable
class Exporter(Claims, Protocol):
    """Writes values of any types, builtin ones too, into a file that programs without flowstone open."""

    def export(self, value: Any, path: str) -> None:
        """Write a value of a claimed type to `path`, where nothing is yet, without a second copy of it in memory.

        What stands there is renamed to the name that the user asked for, or removed if this raises: `OSError`
        for what is wrong with the disk, anything else for what is wrong with the value.
        """
