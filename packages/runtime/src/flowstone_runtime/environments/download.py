"""Read what stands at a URL: of an index, with the name and password that the index was configured with."""

import base64
import netrc
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

_SECONDS = 30.0
_INDEX_VARIABLES = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


def open_url(url: str, environ: Mapping[str, str]) -> BinaryIO:
    """The body, to be read and closed; one try, which gives up after half a minute without a byte.

    Raises:
        OSError: it cannot be had.
        ValueError: it is no URL of http, https or a file.
    """
    if urlsplit(url).scheme not in {"http", "https", "file"}:
        raise ValueError(f"{url} is neither http, https nor a file")
    login = next(_logins(url, environ), None)
    headers = {} if login is None else {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    try:
        return cast("BinaryIO", urlopen(Request(url, headers=headers), timeout=_SECONDS))  # noqa: S310 - checked
    except HTTPException as error:
        raise OSError(str(error)) from error


def _logins(url: str, environ: Mapping[str, str]) -> Iterator[str]:
    """What `name:password` there may be for the place."""
    host = urlsplit(url).hostname
    if not host:
        return
    for word in " ".join(environ.get(name, "") for name in _INDEX_VARIABLES).replace(",", " ").split():
        index = urlsplit(word.partition("=")[2] if "=" in word.partition("://")[0] else word)
        if index.hostname == host and index.username:
            yield f"{unquote(index.username)}:{unquote(index.password or '')}"
    with suppress(OSError, netrc.NetrcParseError):
        file = environ.get("NETRC") or f"{environ.get('HOME', '~')}/.netrc"
        found = netrc.netrc(str(Path(file).expanduser())).authenticators(host)
        if found:
            yield f"{found[0]}:{found[2] or ''}"
