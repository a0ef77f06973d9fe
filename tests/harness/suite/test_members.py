"""Which benchmarks and scenarios a suite has."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError, UnknownName
from harness.suite.members import members


def names(*tasks: str, rules: str | None = None, scenarios: tuple[str, ...] = ()) -> list[str]:
    return [member.name for member in members(tasks, rules, scenarios, [])]


def test_all_of_mobiles_newest_round_in_the_scenarios_that_it_asks_for() -> None:
    assert names() == [
        "edsr-SingleStream",
        "mobilebert-SingleStream",
        "mobiledet-SingleStream",
        "mobilenet_v4-SingleStream",
        "mobilenet_v4-Offline",
        "mosaic-SingleStream",
    ]


def test_another_rule_set_has_others() -> None:
    tiny = names(rules="tiny-v1.4")
    assert "kws-SingleStream" in tiny
    assert all(name.endswith("-SingleStream") for name in tiny)
    assert {"deeplabv3-SingleStream", "mobilenet_edgetpu-Offline"} <= set(names(rules="mobile-v2.0"))
    inference = names(rules="inference-v6.1")
    assert "mobilebert-MultiStream" not in inference
    assert {"mobilebert-Offline", "mobilenet_edgetpu-MultiStream", "mobiledet-SingleStream"} <= set(inference)
    assert not [name for name in inference if name.startswith(("edsr", "mosaic", "kws"))]


def test_tasks_that_are_named_run_each_by_its_own_rules(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("inherits: kws\n", encoding="utf-8")
    assert names("qa", str(own)) == ["mobilebert-SingleStream", "own-SingleStream"]
    assert names("kws", scenarios=("Offline", "Server")) == ["kws-Offline", "kws-Server"]


@pytest.mark.parametrize(
    ("tasks", "scenarios", "complaint"),
    [
        (("kws", "kws"), (), "kws-SingleStream would be made twice"),
        (("kws",), ("Online",), "unknown scenario 'Online'"),
        (("nothing",), (), "unknown task 'nothing'"),
    ],
)
def test_what_is_no_suite_is_refused(tasks: tuple[str, ...], scenarios: tuple[str, ...], complaint: str) -> None:
    with pytest.raises((ConfigError, UnknownName), match=complaint):
        names(*tasks, scenarios=scenarios)
