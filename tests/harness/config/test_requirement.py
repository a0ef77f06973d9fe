"""Requirements as a user writes them."""

from __future__ import annotations

import pytest

from harness.config.requirement import parse_requirement
from harness.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "figure", "comparison", "limit"),
    [
        ("top1>=0.75", "top1", ">=", "0.75"),
        (" p90 <= 5 ms ", "p90", "<=", "5 ms"),
        ("p99.9<1s", "p99.9", "<", "1s"),
        ("top1>75%", "top1", ">", "75%"),
        ("top1:min=0.75", "top1", ">=", "0.75"),
        ("p90:max=5ms", "p90", "<=", "5ms"),
        ("max_error[scores:0]:max=1", "max_error[scores:0]", "<=", "1"),
        ("max:max=5ms", "max", "<=", "5ms"),
    ],
)
def test_a_requirement_is_a_figure_a_comparison_and_a_limit(
    text: str, figure: str, comparison: str, limit: str
) -> None:
    found = parse_requirement(text)
    assert (found.text, found.figure, found.comparison, found.limit) == (text.strip(), figure, comparison, limit)


def test_a_figure_alone_was_cut_by_the_shell() -> None:
    with pytest.raises(ConfigError, match=r"--require top1 compares with nothing. The shell takes > and < for itself"):
        parse_requirement("top1")


@pytest.mark.parametrize(
    "text", ["top1=0.75", "top1==0.75", "top1=>0.75", "top1>=", ">=0.75", "top1:least=0.75", "a<b<c", ""]
)
def test_what_is_no_requirement_is_shown_how_to_write_one(text: str) -> None:
    with pytest.raises(ConfigError, match=r"'top1>=0\.75' or 'p90<=5ms'"):
        parse_requirement(text)
