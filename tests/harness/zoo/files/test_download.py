"""Downloads from a real server that cuts, stalls, redirects and refuses."""

import contextlib
import email.utils
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.zoo.files import download as module
from harness.zoo.files.download import FetchFailed, Patience, Source, download

BODY = bytes(range(256)) * 4096
HASTY = Patience(timeout_s=600, attempts=3, first_wait_s=0.01, longest_wait_s=0.05)
LEAVES_SOON = replace(HASTY, timeout_s=0.5)
"""For a server that stalls; of any other, a slow machine must not make one that does."""


def fetched(source: Source, partial: Path, **more: Any) -> bytes:
    download(source, partial, patience=HASTY, **more)
    return partial.read_bytes()


def test_a_whole_file_arrives_and_its_progress_is_told(origin: Any, tmp_path: Path) -> None:
    seen: list[int] = []
    url = origin.on("/file", origin.serve(BODY))
    assert fetched(Source(url), tmp_path / "part", on_bytes=seen.append) == BODY
    assert seen == sorted(seen)
    assert seen[-1] == len(BODY)


def test_a_cut_connection_is_gone_on_with_where_it_was_cut(origin: Any, tmp_path: Path) -> None:
    cut = origin.serve(BODY, sends=300_000)
    url = origin.on("/file", cut, cut, origin.serve(BODY))
    assert fetched(Source(url), tmp_path / "part") == BODY
    ranges = [headers.get("Range") for _, headers in origin.requests]
    assert ranges == [None, "bytes=300000-", "bytes=600000-"]
    assert origin.requests[1][1]["If-Range"] == '"one"'


def test_a_later_process_goes_on_with_what_an_earlier_one_left(origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.serve(BODY, sends=1000), origin.status(404))
    with pytest.raises(FetchFailed):
        fetched(Source(url), tmp_path / "part")
    assert (tmp_path / "part").stat().st_size == 1000
    origin.on("/file", origin.serve(BODY))
    assert fetched(Source(url), tmp_path / "part") == BODY
    assert origin.requests[-1][1]["Range"] == "bytes=1000-"


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(origin: Any, tmp_path: Path) -> None:
    other = BODY[::-1]
    url = origin.on("/file", origin.serve(BODY, sends=1000), origin.serve(other, etag='"two"'))
    assert fetched(Source(url), tmp_path / "part") == other


def test_a_server_that_knows_no_ranges_sends_the_file_again(origin: Any, tmp_path: Path) -> None:
    cut = origin.serve(BODY, sends=1000, ranges=False)
    url = origin.on("/file", cut, origin.serve(BODY, ranges=False))
    assert fetched(Source(url), tmp_path / "part") == BODY


def test_without_a_validator_or_a_checksum_nothing_is_gone_on_with(origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.serve(BODY, etag=None, sends=1000), origin.serve(BODY, etag=None))
    assert fetched(Source(url), tmp_path / "part") == BODY
    assert [headers.get("Range") for _, headers in origin.requests] == [None, None]


def test_a_part_longer_than_the_file_is_thrown_away(origin: Any, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(bytes(2 * len(BODY)))
    url = origin.on("/file", origin.serve(BODY))
    assert fetched(Source(url, checked=True), tmp_path / "part") == BODY


def test_a_range_that_was_not_asked_for_is_refused(origin: Any, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(bytes(100))
    answer = origin.status(206, Content_Range=f"bytes 50-{len(BODY) - 1}/{len(BODY)}")
    url = origin.on("/file", answer)
    with pytest.raises(FetchFailed, match="it answers 206 to a request for the bytes from 100 on"):
        fetched(Source(url, checked=True), tmp_path / "part")


def test_a_stalled_server_is_left_and_tried_again(origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.stall(BODY, 5000, origin.release), origin.serve(BODY))
    download(Source(url), tmp_path / "part", patience=replace(LEAVES_SOON, timeout_s=2, attempts=30))
    assert (tmp_path / "part").read_bytes() == BODY
    assert origin.requests[1][1]["Range"] == "bytes=5000-"


def test_a_server_that_always_stalls_is_given_up(origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.stall(BODY, 0, origin.release))
    with pytest.raises(FetchFailed, match="gave up after 3 attempts: nothing comes any more"):
        download(Source(url), tmp_path / "part", patience=LEAVES_SOON)


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_or_broken_server_is_tried_again(code: int, origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.status(code), origin.status(code), origin.serve(BODY))
    assert fetched(Source(url), tmp_path / "part") == BODY


def test_a_server_that_stays_broken_is_given_up(origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.status(500))
    with pytest.raises(FetchFailed, match="gave up after 3 attempts: the server answers 500"):
        fetched(Source(url), tmp_path / "part")
    assert len(origin.requests) == 3


@pytest.mark.parametrize("code", [404, 410])
def test_a_file_that_is_not_there_is_asked_for_once(code: int, origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.status(code))
    with pytest.raises(FetchFailed, match=rf"there is no such file \({code}\)"):
        fetched(Source(url), tmp_path / "part")
    assert len(origin.requests) == 1


class Clock(threading.Event):
    """A stop event that notes how long it was waited for, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0)
        return False


def test_retry_after_is_honoured_up_to_a_limit_and_other_waits_double(origin: Any, tmp_path: Path) -> None:
    soon = email.utils.formatdate(time.time() - 60, usegmt=True)
    url = origin.on(
        "/file",
        origin.status(429, Retry_After="3"),
        origin.status(429, Retry_After="86400"),
        origin.status(503, Retry_After=soon),
        origin.status(503, Retry_After="rubbish"),
        origin.serve(BODY),
    )
    clock = Clock()
    patience = Patience(attempts=9, first_wait_s=1, longest_wait_s=60)
    download(Source(url), tmp_path / "part", patience=patience, stop=clock)
    assert clock.waits == [3, 60, 0, 8]


def test_a_redirect_is_followed_but_not_for_ever(origin: Any, tmp_path: Path) -> None:
    origin.on("/there", origin.serve(BODY))
    assert fetched(Source(origin.on("/here", origin.status(302, Location="/there"))), tmp_path / "part") == BODY
    url = origin.on("/loop", origin.status(302, Location="/loop"))
    with pytest.raises(FetchFailed, match="302"):
        fetched(Source(url), tmp_path / "other")
    assert len([path for path, _ in origin.requests if path == "/loop"]) <= 6


@pytest.mark.parametrize("target", ["http://192.0.2.1/file", "ftp://192.0.2.1/file", "file:///etc/passwd"])
def test_a_redirect_to_plain_http_elsewhere_is_refused(target: str, origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.status(302, Location=target))
    with pytest.raises(FetchFailed, match=r"not https|answers 302"):
        fetched(Source(url), tmp_path / "part")
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize(
    "url", ["http://example.org/f", "http://127.0.0.1.example.org/f", "file:///etc/passwd", "ftp://h/f"]
)
def test_only_https_is_fetched_from_unless_the_user_named_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="https"):
        fetched(Source(url), tmp_path / "part")


def test_a_proxy_of_the_environment_is_used(origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", origin.url)
    monkeypatch.setenv("no_proxy", "")
    origin.on("http://files.example/file", origin.serve(BODY))
    assert fetched(Source("http://files.example/file", named_by_user=True), tmp_path / "part") == BODY


def test_a_file_of_another_size_than_the_registrys_is_refused_before_it_is_fetched(origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.serve(BODY))
    with pytest.raises(FetchFailed, match=r"it has 1,048,576 bytes now, the registry says 1,000,000"):
        fetched(Source(url, size_bytes=1_000_000), tmp_path / "part")
    assert not (tmp_path / "part").exists()


def test_a_file_that_grows_while_it_comes_is_stopped_at_its_size(origin: Any, tmp_path: Path) -> None:
    url = origin.on("/file", origin.endless(bytes(5000), origin.release))
    with pytest.raises(FetchFailed, match=r"it sends more than the 20,000 bytes that were announced: the file grew"):
        fetched(Source(url, size_bytes=20_000), tmp_path / "part")
    assert (tmp_path / "part").stat().st_size <= 20_000


def test_a_file_without_a_known_size_is_limited(origin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 30_000)
    url = origin.on("/file", origin.endless(bytes(5000), origin.release))
    with pytest.raises(FetchFailed, match="more than the 30,000 bytes"):
        fetched(Source(url), tmp_path / "part")
    announced = origin.on("/large", origin.serve(BODY))
    with pytest.raises(FetchFailed, match=r"more than the limit of 30,000"):
        fetched(Source(announced), tmp_path / "other")


def test_a_failure_says_whether_anything_came(origin: Any, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="Nothing came: try again later"):
        fetched(Source(origin.on("/none", origin.status(500))), tmp_path / "none")
    with pytest.raises(FetchFailed, match="What came is kept: try again later"):
        fetched(Source(origin.on("/some", origin.serve(BODY, sends=5000), origin.status(500))), tmp_path / "some")


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=r"http://127.0.0.1:1/file: gave up after 3 attempts: .*refused"):
        fetched(Source("http://127.0.0.1:1/file"), tmp_path / "part")


@pytest.mark.parametrize(
    ("code", "headers"),
    [
        (302, {"Location": "https://[::1"}),
        (302, {"Location": "http://a\x1b[2Jb:port/"}),
        (302, {"Location": "//" + "a" * 10_000}),
        (503, {"Retry_After": "\xb2"}),
        (503, {"Retry_After": "9" * 5_000}),
        (503, {"Retry_After": "Fri, 99 Foo 99999 99:99:99 GMT"}),
        (206, {"Content_Range": "bytes 0-1/" + "9" * 5_000}),
        (200, {"ETag": "x" * 60_000}),
    ],
)
def test_headers_that_no_server_should_send_end_in_a_sentence(
    code: int, headers: dict[str, str], origin: Any, tmp_path: Path
) -> None:
    url = origin.on("/file", *[origin.status(code, **headers)] * 4)
    with contextlib.suppress(FetchFailed):
        download(Source(url, 7), tmp_path / "part", patience=replace(HASTY, attempts=2))
        raise AssertionError("nothing was to be had")
