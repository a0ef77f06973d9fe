"""The part of the training scripts that needs no PyTorch."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from harness.zoo.training.machine import add_machine_options, chosen_device

_ROOT = Path(__file__).resolve().parents[4]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_machine_options(parser)
    return parser


@pytest.mark.parametrize(("words", "device"), [([], "auto"), (["--device", "cpu"], "cpu"), (["--device=cuda"], "cuda")])
def test_the_device_option_is_parsed(words: list[str], device: str) -> None:
    assert _parser().parse_args(words).device == device


def test_another_device_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        _parser().parse_args(["--device", "tpu"])
    said = capsys.readouterr().err
    assert all(word in said for word in ("'tpu'", "auto", "cpu", "cuda"))


@pytest.mark.parametrize(
    ("wanted", "cuda_is_here", "device"),
    [
        ("auto", True, "cuda"),
        ("auto", False, "cpu"),
        ("cpu", True, "cpu"),
        ("cpu", False, "cpu"),
        ("cuda", True, "cuda"),
    ],
)
def test_auto_takes_a_gpu_where_there_is_one(wanted: str, cuda_is_here: bool, device: str) -> None:
    assert chosen_device(wanted, cuda_is_here=cuda_is_here) == device


def test_a_gpu_that_is_asked_for_and_absent_is_a_clear_error() -> None:
    with pytest.raises(SystemExit, match=r"sees no GPU.*leave --device at auto"):
        chosen_device("cuda", cuda_is_here=False)


def test_the_options_are_read_without_pytorch() -> None:
    code = "import sys; import harness.zoo.training.machine; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
