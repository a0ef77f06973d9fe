"""Where a download may be sent on to: https alone, and no other scheme in its place."""

from __future__ import annotations

import contextlib
import ipaddress
import urllib.error
import urllib.request
from typing import IO, Any
from urllib.parse import urlsplit

from harness.errors import shortened

_MAX_REDIRECTS = 5


class RefusedAddress(Exception):  # noqa: N818
    """This address will not give the file."""


def refuse_scheme(url: str, *, named_by_user: bool) -> None:
    """Lets https pass, and plain http to this machine or to a mirror that the user has named.

    Raises:
        RefusedAddress: Any other.
    """
    parts = urlsplit(url)
    if parts.scheme == "https":
        return
    if parts.scheme != "http" or not parts.hostname:
        raise RefusedAddress(f"{parts.scheme or 'it'} is no scheme that is fetched from: https only")
    if not named_by_user and not _is_loopback(parts.hostname):
        raise RefusedAddress("plain http: only https is fetched from, unless you name a mirror with --mirror")


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = _MAX_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme != "https" and (old.scheme != new.scheme or old.hostname != new.hostname):
            raise RefusedAddress(f"it redirects to {shortened(newurl)}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener() -> urllib.request.OpenerDirector:
    """As urllib's own, without its handlers for file:, ftp: and data:."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
