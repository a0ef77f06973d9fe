"""The guides for newcomers: what they show works, and the messages that they explain are those of the program."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from harness.config.files import benchmark_names, find_benchmark, load_benchmark
from harness.config.registry import task_class

REPOSITORY = Path(__file__).resolve().parents[1]
DOCS = REPOSITORY / "docs"
Cli = Callable[..., subprocess.CompletedProcess[str]]


def indented(document: str, begins: str) -> str:
    """The indented piece of a document that begins with a line."""
    lines = (DOCS / document).read_text(encoding="utf-8").splitlines()
    first = lines.index(f"    {begins}")
    piece = []
    for line in lines[first:]:
        if line.strip() and not line.startswith("    "):
            break
        piece.append(line[4:])
    return "\n".join(piece)


def test_every_benchmark_stands_beside_its_kind_with_metrics_that_it_has() -> None:
    text = (DOCS / "tasks.md").read_text(encoding="utf-8")
    rows = {
        row[0]: row for line in text.splitlines() if (row := re.findall(r"`(\w+)`", line)) and line.startswith("| `")
    }
    for name in benchmark_names():
        benchmark = load_benchmark(find_benchmark(name))
        assert name in rows[benchmark.task] or benchmark.task == "tensors", name
        assert set(task_class(benchmark.task).metrics) & set(rows[benchmark.task]), benchmark.task


def test_the_benchmark_of_ones_own_is_scored(
    call: Cli, picture_model: Path, tmp_path: Path, picture_data: Path
) -> None:
    text = indented("tasks.md", "title: Our flowers")
    written = yaml.safe_load(text)
    assert set(written) == {"title", "task", "model", "backend", "dataset", "load", "require"}
    (tmp_path / "flowers.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "flowers_int8.tflite").write_bytes(picture_model.read_bytes())
    (tmp_path / "pictures").symlink_to(picture_data)
    # The fixture's data have numbers for labels.
    words = ("--set", "model.class_names=null", "--set", "require=[]", "--mode", "accuracy")
    done = call("--task", "flowers.yaml", *words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "Our flowers" in done.stdout


def test_the_backend_of_ones_own_runs(
    cli: Cli, plug_in: Callable[[str, str], dict[str, str]], keyword_model: Path, keyword_data: Path, tmp_path: Path
) -> None:
    env = plug_in("counting", indented("extending.md", "from backends.base import BackendInfo"))
    given = ("--task", "kws", "--model", keyword_model, "--dataset", keyword_data, "--mode", "accuracy", "--json")
    done = cli(*given, "--backend", "counting:greeting=hi", "--out", tmp_path / "run", env=env)
    assert done.returncode == 0, done.stderr
    assert '"greeting": "hi"' in done.stdout


def sources() -> str:
    """All that the program may say: adjacent pieces of text joined, what is filled in left out."""
    files = [
        path for name in ("harness", "tasks", "backends", "accuracy") for path in (REPOSITORY / name).rglob("*.py")
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*sorted(files), REPOSITORY / "run.sh"])
    text = re.sub(r'"\s*\n\s*f?"', "", text)
    return re.sub(r"\{[^{}\n]*\}", "", text)


def test_every_message_that_is_explained_is_one_of_the_program(explained: list[str]) -> None:
    said = sources()
    assert len(explained) > 25
    assert [message for message in explained if message not in said] == []


@pytest.fixture
def explained() -> list[str]:
    """The pieces in the first column of the tables."""
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    first = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return [piece for cell in first for piece in re.findall(r"`([^`]+)`", cell)]
