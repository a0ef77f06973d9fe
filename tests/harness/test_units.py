"""Spans of time and sizes as a person reads and writes them."""

from __future__ import annotations

import pytest

from harness.units import bytes_text, duration, parse_bytes, seconds


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0 ns"), (999, "999 ns"), (1e3, "1.000 us"), (1.5e6, "1.500 ms"), (2.25e9, "2.250 s")],
)
def test_a_latency_has_the_unit_that_suits_it(nanoseconds: float, text: str) -> None:
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0.0 s"), (0.0512, "51.2 ms"), (0.9996, "1.0 s"), (61.25, "61.2 s")])
def test_below_a_second_milliseconds_are_told(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("text", "count"),
    [("512MB", 512_000_000), ("1.5 GiB", 1_610_612_736), ("2g", 2_000_000_000), ("100", 100), (" 1kb ", 1000)],
)
def test_a_size_is_read_in_tens_or_twos(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "much", "-1MB", "1.5.2GB", "1XB", "MB"])
def test_what_is_no_size_is_shown_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=f"must be a size such as 512MB or 2GiB, not '{text}'"):
        parse_bytes(text)


@pytest.mark.parametrize("count", [1, 999, 1000, 1_000_001, 123_456_789, 5 * 10**10])
def test_a_size_that_the_user_shall_write_is_never_too_small(count: int) -> None:
    assert parse_bytes(bytes_text(count, up=True)) >= count
    assert parse_bytes(bytes_text(count).replace("bytes", "")) == pytest.approx(count, rel=0.06)
