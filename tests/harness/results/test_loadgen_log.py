"""LoadGen's detail log: read whole or refused, and its verdict."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from harness.errors import RunFailed
from harness.results.loadgen_log import invalid_reasons, read_detail
from harness.results.record import Reason, Result


@pytest.fixture(scope="module")
def detail(
    keyword_model: Path,
    keyword_data: Path,
    short: list[str],
    command: list[str],
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """LoadGen's detail log of a performance and of an accuracy run, as text."""
    found = {}
    for mode in ("performance", "accuracy"):
        out = tmp_path_factory.mktemp("detail") / mode
        words = ["--task", "kws", "--model", keyword_model, "--dataset", keyword_data, *short, "--mode", mode]
        subprocess.run(
            [*command, *map(str, words), "--out", str(out)],
            env=environment,
            check=True,
            capture_output=True,
            timeout=600,
        )
        found[mode] = (out / "mlperf_log_detail.txt").read_text(encoding="utf-8")
    return found


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
def test_a_detail_log_cut_anywhere_before_its_last_words_is_a_failed_run(
    mode: str, detail: dict[str, str], tmp_path: Path
) -> None:
    whole, accuracy = detail[mode], mode == "accuracy"
    path = tmp_path / "mlperf_log_detail.txt"
    path.write_text(whole, encoding="utf-8")
    entries = read_detail(tmp_path, accuracy=accuracy)
    last = whole.index('"key": "power_end"' if accuracy else '"key": "num_errors"')
    ends = [0, 5, last, *range(0, last, max(1, last // 60)), *(end for end in range(last) if whole[end] == "\n")]
    for end in ends:
        path.write_text(whole[:end], encoding="utf-8")
        with pytest.raises(RunFailed, match=r"mlperf_log_detail.txt is cut.*bytes are free there"):
            read_detail(tmp_path, accuracy=accuracy)
    path.write_text(f"a line of somebody else's\n{whole}", encoding="utf-8")
    assert read_detail(tmp_path, accuracy=accuracy) == entries


def test_a_detail_log_that_is_missing_or_garbled_is_a_failed_run(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"mlperf_log_detail.txt cannot be read: No such file"):
        read_detail(tmp_path, accuracy=False)
    for line in (":::MLLOG nonsense", ":::MLLOG []", ":::MLLOG {}", ':::MLLOG {"key": "a", "value": 1, "metadata": 3}'):
        (tmp_path / "mlperf_log_detail.txt").write_text(line + "\n", encoding="utf-8")
        with pytest.raises(RunFailed, match="is cut or corrupt"):
            read_detail(tmp_path, accuracy=False)


def test_loadgens_errors_are_kept(detail: dict[str, str], tmp_path: Path) -> None:
    entry = {"key": "error_invalid_config", "value": "Multiple conf files", "metadata": {"is_error": True}}
    text = f":::MLLOG {json.dumps(entry)}\n{detail['performance']}"
    (tmp_path / "mlperf_log_detail.txt").write_text(text, encoding="utf-8")
    assert read_detail(tmp_path, accuracy=False)[":errors"] == ["Multiple conf files"]


def test_an_invalid_run_without_a_known_reason_says_what_loadgen_said(run_result: Result) -> None:
    detail = {"result_validity": "INVALID", "result_invalid_reason": " the moon is full "}
    assert run_result.performance is not None
    assert run_result.loadgen is not None
    figures, in_force = run_result.performance, run_result.loadgen
    (reason,) = invalid_reasons(detail, figures, in_force)
    assert reason == Reason("LoadGen says INVALID", "the moon is full", "")
    assert invalid_reasons(detail | {"result_validity": "VALID"}, figures, in_force) == []
