"""What the standard library has from Python 3.11 on, for 3.10 too."""

import sys
from typing import TYPE_CHECKING, TypeVar

if sys.version_info >= (3, 11):
    from binascii import a2b_base64
    from typing import Self

    def strict_base64(text: str) -> bytes:
        """The bytes of a text in base64 that holds nothing else.

        Raises:
            ValueError: it holds something else.
        """
        return a2b_base64(text, strict_mode=True)
else:
    from base64 import b64decode

    if TYPE_CHECKING:  # what checks types knows it without its being installed
        from typing_extensions import Self
    else:
        Self = TypeVar("Self")

    def strict_base64(text: str) -> bytes:
        """The bytes of a text in base64 that holds nothing else.

        Raises:
            ValueError: it holds something else.
        """
        return b64decode(text, validate=True)


__all__ = ["Self", "strict_base64"]
