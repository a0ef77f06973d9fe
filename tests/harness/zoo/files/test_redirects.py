"""Where a download may be sent on to."""

from __future__ import annotations

import urllib.request

import pytest

from harness.zoo.files import redirects


def test_https_never_becomes_http_by_a_redirect() -> None:
    request = urllib.request.Request("https://example.org/file")
    with pytest.raises(redirects.RefusedAddress, match="not https"):
        redirects._Redirects().redirect_request(request, None, 302, "", {}, "http://example.org/file")  # type: ignore[arg-type]
