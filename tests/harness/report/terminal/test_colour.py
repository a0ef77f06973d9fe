"""Colour for the words that decide, on a terminal that wants it."""

from __future__ import annotations

import pytest

from harness.report.terminal.colour import coloured


def test_valid_is_green_and_what_is_wrong_is_red() -> None:
    assert coloured("VALID", {}) == "\x1b[1;32mVALID\x1b[0m"
    assert coloured("INVALID, MISSED", {}) == "\x1b[1;31mINVALID\x1b[0m, \x1b[1;31mMISSED\x1b[0m"


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colour_gets_none(environment: dict[str, str]) -> None:
    assert coloured("VALID", environment) == "VALID"
