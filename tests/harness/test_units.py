"""Spans of time and sizes as a person reads and writes them."""

from __future__ import annotations

import pytest

from harness.units import (
    Unit,
    bytes_text,
    duration,
    number,
    parse_bytes,
    parse_duration,
    parse_quantity,
    quantity_text,
    rate_text,
    seconds,
    span_text,
)


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


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("5ms", "ns", 5e6),
        ("1.5 s", "ns", 1.5e9),
        ("800us", "ns", 8e5),
        ("2min", "s", 120.0),
        ("500ms", "s", 0.5),
        ("57%", "share", 0.57),
        ("0.57", "share", 0.57),
        ("100 mb", "bytes", 1e8),
        ("1GiB", "bytes", 2.0**30),
        ("12queries/s", "queries/s", 12.0),
        ("12", "samples/s", 12.0),
        ("3mJ", "J", 0.003),
        ("33dB", "dB", 33.0),
        ("64", "count", 64.0),
        ("-0.1", "share", -0.1),
    ],
)
def test_a_quantity_is_read_in_the_unit_that_is_wanted(text: str, unit: Unit, value: float) -> None:
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("5", "ns"),
        ("5MB", "ns"),
        ("5ms", "bytes"),
        ("1,000", "count"),
        ("nan", "share"),
        ("inf", "count"),
        ("1e9999", "count"),
        ("1e400", "bytes"),
        ("", "count"),
        ("75 %%", "share"),
        ("9queries/s", "samples/s"),
        ("5 Ms", "ns"),
        ("3", "J"),
        ("-5ms", "ns"),
        ("-1", "bytes"),
        ("-2W", "W"),
    ],
)
def test_a_quantity_of_another_kind_is_refused_with_an_example(text: str, unit: Unit) -> None:
    with pytest.raises(ValueError, match=f"must be .* not '{text}'"):
        parse_quantity(text, unit)


def test_numbers_beyond_all_sizes_and_spans_are_refused_or_whole() -> None:
    assert parse_bytes("9" * 400) > 10**399
    with pytest.raises(ValueError, match="must be a span of time"):
        parse_duration("9" * 400)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (4.2e6, "ns", "4.200 ms"),
        (12.5, "s", "12.5 s"),
        (1e8, "bytes", "100.0 MB"),
        (0.7619, "share", "0.7619"),
        (1234.5, "queries/s", "1,234.5 queries/s"),
        (64, "count", "64"),
    ],
)
def test_a_quantity_is_shown_with_its_unit(value: float, unit: Unit, text: str) -> None:
    assert quantity_text(value, unit) == text


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234.567, 2, "1,234.57"),
        (43.7, 0, "44"),
        (0.42, 0, "0.42"),
        (0.0042, 0, "0.0042"),
        (0.244, 3, "0.244"),
        (0.0004, 3, "0.00040"),
        (-0.002, 2, "-0.0020"),
        (0.0, 2, "0.00"),
        (1.5e-9, 2, "1.5e-09"),
    ],
)
def test_nothing_that_was_measured_reads_as_0(value: float, decimals: int, text: str) -> None:
    assert number(value, decimals) == text


@pytest.mark.parametrize(
    ("rate", "text"), [(12345.678, "12,345.68"), (0.0123456, "0.0123"), (0.5, "0.500"), (0, "0.00")]
)
def test_a_slow_rate_has_three_digits(rate: float, text: str) -> None:
    assert rate_text(rate) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", 90), ("90s", 90), ("45m", 2700), ("45 min", 2700), ("2h", 7200), ("1.5h", 5400), ("500ms", 0.5), ("0s", 0)],
)
def test_a_span_of_time_is_read_with_its_unit_and_is_seconds_without(text: str, value: float) -> None:
    assert parse_duration(text) == value


@pytest.mark.parametrize("text", ["", "soon", "-3", "1e9", "nan", "5 days", "2h30", "m", "\u0663s"])
def test_what_is_no_span_of_time_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90, 90s, 45m or 2h"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0.0 s"), (45, "45.0 s"), (720, "12 min"), (7500, "2 h 5 min"), (7199, "2 h 0 min")]
)
def test_a_span_is_shown_in_the_unit_that_suits_it(value: float, text: str) -> None:
    assert span_text(value) == text
