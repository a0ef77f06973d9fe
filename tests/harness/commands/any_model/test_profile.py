"""The command `profile`, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Call = Callable[..., CompletedProcess[str]]


def test_a_profile_is_kept_as_json_and_held_against_another(call: Call, keyword_model: Path, tmp_path: Path) -> None:
    words = ("--num_runs", "2", "--no-peak", "--trace", "trace.json", "--csv", "ops.csv")
    done = call("profile", keyword_model, *words, "--json")
    assert done.returncode == 0, done.stderr
    kept = tmp_path / "kept.json"
    kept.write_text(done.stdout, encoding="utf-8")
    assert json.loads(done.stdout)["num_runs"] == 2
    assert json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    assert (tmp_path / "ops.csv").read_text(encoding="utf-8").startswith("order,name,kernel,")
    both = call("profile", kept, kept)
    assert both.returncode == 0, both.stderr
    assert "FULLY_CONNECTED" in both.stdout
    assert "+0.000" in both.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["M", "--num_runs", "0"], "--num_runs must be a whole number of at least 1, not '0'"),
        (["M", "--by", "shapes"], "did you mean 'shape'?"),
        (["M", "--max_secs", "0"], "--max_secs is a number of seconds above 0"),
        (["M", "M", "M"], "one is profiled, two are compared"),
        (["M", "M", "--csv", "x.csv"], "--csv and --trace are of one profile"),
        (["absent.json"], "cannot read the profile absent.json"),
        (["broken.json"], "broken.json is no profile that ./run.sh profile --json wrote"),
        (["M", "--input_layer_value_range", "x,1"], "write it as NAME,LOW,HIGH"),
        (["M", "--backend", "null"], "the backend null does not tell what its ops take: --backend cpu does"),
    ],
)
def test_a_mistake_is_said_with_what_to_do(
    words: list[str], said: str, call: Call, keyword_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text('{"model": 1}', encoding="utf-8")
    done = call("profile", *(str(keyword_model) if word == "M" else word for word in words))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
