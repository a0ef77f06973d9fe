"""What is said to make a model quicker: only what was seen to, each with its figure and its command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.bench.advice.ways import Way, advise, told
from harness.bench.session import BenchCase, Settings
from harness.model.subject import Subject
from harness.statistics.intervals import Ratio
from harness.turns.contest import JudgedContender, Standing

Make = Callable[..., Subject]
QUICKER = Way("2 threads", "--threads 2", {"threads": 2})
UNDOES = Way("as it is", "--set backend.complete_shapes=false", {"complete_shapes": False}, undoes="shapes are written")


def said(case: BenchCase, way: Way, standing: Standing, median: float, low: float, high: float) -> list[str]:
    ratio = Ratio(median, low, high, 8)
    return [
        f"{one.what}: {one.figure} {one.command}" for one in told(case, way, JudgedContender(standing, ratio), ratio)
    ]


def test_a_way_is_named_only_where_it_was_clearly_quicker(small: Path, subject_of: Make) -> None:
    case = BenchCase(subject_of(small))
    (text,) = said(case, QUICKER, "quicker", 1.9, 1.8, 2.0)
    assert text == (
        f"2 threads: 1.90 times as quick, 95 % interval 1.80..2.00, as it is now ./run.sh bench {small} --threads 2"
    )
    assert said(case, QUICKER, "not told apart", 1.9, 0.9, 2.5) == []
    assert said(case, QUICKER, "same", 1.005, 1.001, 1.009) == []
    assert said(case, QUICKER, "slower", 0.5, 0.4, 0.6) == []
    # Clear, and not worth another command.
    assert said(case, QUICKER, "quicker", 1.02, 1.01, 1.03) == []


def test_what_is_done_already_is_named_where_leaving_it_out_was_slower(small: Path, subject_of: Make) -> None:
    case = BenchCase(subject_of(small, threads=2), "cpu:engine=Interpreter")
    (text,) = said(case, UNDOES, "slower", 0.5, 0.4, 0.625)
    assert text.startswith("shapes are written: it is 2.00 times as quick, 95 % interval 1.60..2.50, with them")
    assert "--set backend.complete_shapes=false --backend cpu:engine=Interpreter" in text
    assert said(case, UNDOES, "quicker", 1.5, 1.4, 1.6) == []


def test_a_command_invokes_the_model_as_it_was_invoked(small: Path, subject_of: Make) -> None:
    case = BenchCase(
        subject_of(small, threads=2, state="keep", signature="my own", input_shapes={"picture": (1, 8, 6, 3)})
    )
    (text,) = said(case, QUICKER, "quicker", 1.9, 1.8, 2.0)
    assert text.endswith(
        f"./run.sh bench {small} --threads 2 --signature 'my own' --state keep --input-shape picture=1,8,6,3"
    )


def test_a_model_is_measured_in_other_ways_and_what_is_said_of_it_has_a_figure(small: Path, subject_of: Make) -> None:
    heard: list[str] = []
    found = advise(BenchCase(subject_of(small)), Settings(), 0.2, heard.append)
    assert any("in turns" in text for text in heard)
    for each in found:
        assert each.command.startswith("./run.sh ")
        assert any(letter.isdigit() for letter in each.figure)


def test_of_a_model_that_cannot_run_nothing_is_said(edgetpu_model: Path, subject_of: Make) -> None:
    assert advise(BenchCase(subject_of(edgetpu_model)), Settings(), 1, lambda _: None) == ()
