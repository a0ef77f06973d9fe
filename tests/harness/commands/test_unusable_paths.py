"""Paths that can be no file's or folder's, on every option of every verb that takes one: a message and exit status 2."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]

_RUN = ("--task", "kws", "--preset", "rapid", "--scenario", "Offline")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "run --task": ("run", "--task", "PATH"),
    "run --model": ("run", *_RUN, "--model", "PATH"),
    "run --dataset": ("run", *_RUN, "--dataset", "PATH"),
    "run --truth": ("run", *_RUN, "--mode", "accuracy", "--truth", "PATH"),
    "run --out": ("run", *_RUN, "--out", "PATH"),
    "run --backend external": ("run", *_RUN, "--backend", "external:PATH"),
    "run --set model.use": ("run", *_RUN, "--set", "model.use=PATH"),
    "score DIR": ("score", "PATH"),
    "score --log": ("score", "--log", "PATH", "--task", "kws"),
    "score --task": ("score", "--log", "x.json", "--task", "PATH"),
    "score --dataset": ("score", "--log", "x.json", "--task", "kws", "--dataset", "PATH"),
    "score --truth": ("score", "--log", "x.json", "--task", "kws", "--truth", "PATH"),
    "score --predictions": ("score", "--metric", "squad_f1", "--predictions", "PATH", "--truth", "x.json"),
    "score --metric top1": ("score", "--metric", "top1", "--predictions", "PATH", "--truth", "PATH"),
    "score --metric miou": ("score", "--metric", "miou", "--predictions", "PATH", "--truth", "PATH"),
    "score --metric coco_ap": ("score", "--metric", "coco_ap", "--predictions", "PATH", "--truth", "PATH"),
    "show": ("show", "PATH"),
    "inspect": ("inspect", "PATH"),
    "list": ("list", "PATH"),
    "tune --task": ("tune", "--task", "PATH"),
    "tune --out": ("tune", "--task", "kws", "--out", "PATH"),
    "fetch": ("fetch", "PATH"),
    "fetch --import": ("fetch", "--import", "PATH"),
    "prepare --from": ("prepare", "imagenet_val", "--from", "PATH"),
    "prepare --truth": ("prepare", "imagenet_val", "--from", ".", "--truth", "PATH"),
    "prepare --vocab": ("prepare", "squad_dev", "--from", ".", "--vocab", "PATH"),
    "run --set dataset.class_names": (
        *("run", "--task", "classification", "--mode", "accuracy", "--set", "dataset.class_names=PATH"),
        *("--dataset", "PATH"),
    ),
    "run --set dataset.vocab": (
        *("run", "--task", "qa", "--mode", "accuracy", "--dataset", "PATH", "--set", "dataset.vocab=PATH"),
    ),
    "run --out of a run with a reference": (
        *(
            "run",
            "--model",
            "lstm",
            "--mode",
            "accuracy",
            "--count",
            "2",
            "--reference-backend",
            "cpu",
            "--out",
            "PATH",
        ),
    ),
    "run --truth of pictures": ("run", "--task", "ic", "--mode", "accuracy", "--dataset", ".", "--truth", "PATH"),
    "bench": ("bench", "PATH"),
    "diff": ("diff", "PATH"),
    "diff --reference-model": ("diff", "kws", "--reference-model", "PATH"),
    "profile": ("profile", "PATH"),
    "budget": ("budget", "PATH"),
    "compare": ("compare", "PATH", "PATH"),
    "convert": ("convert", "PATH", "-o", "out"),
    "convert --weights": ("convert", "x.cfg", "--weights", "PATH", "-o", "out"),
    "bundle": ("bundle", "PATH"),
    "verify": ("verify", "PATH"),
    "report": ("report", "PATH"),
    "check": ("check", "PATH"),
    "fleet": ("fleet", "PATH", "--task", "kws"),
    "history --add": ("history", "--history", "h", "--add", "PATH"),
    "score --log --model": ("score", "--log", "x.json", "--task", "classification", "--model", "PATH"),
}


def unusable(folder: Path, kind: str) -> str:
    match kind:
        case "a name of 300 characters":
            return "n" * 300
        case "a path of 5000 characters":
            return "/".join(["d" * 99] * 50)
        case "a loop of links":
            (folder / "loop").symlink_to("loop")
            return str(folder / "loop")
        case "a pipe":
            os.mkfifo(folder / "pipe")
            return str(folder / "pipe")
        case "a device without end":
            return "/dev/zero"
        case "NUL":
            return "a\0b"
        case "what cannot be read":
            # Its owner may open it, and even the system's own user reads nothing there.
            return "/proc/self/mem"
        case _:
            (folder / "file").write_text("x")
            return str(folder / "file" / "below")


@pytest.mark.parametrize(
    "kind",
    [
        "a name of 300 characters",
        "a path of 5000 characters",
        "a loop of links",
        "NUL",
        "below a file",
        "a pipe",
        "a device without end",
        "what cannot be read",
    ],
)
@pytest.mark.parametrize("option", sorted(_OPTIONS))
def test_a_path_that_can_be_none_is_named_with_the_reason(option: str, kind: str, call: Call, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    path = unusable(tmp_path, kind)
    done = call(*(word.replace("PATH", path) for word in _OPTIONS[option]), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stdout) < 1000
    assert len(done.stderr) < 1000
