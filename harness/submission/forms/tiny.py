"""A tree in the form of the tiny suite. Its runner's files are made of LoadGen's figures, which that suite does not take."""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.errors import ConfigError
from harness.submission.forms.documents import calibration, package_readme
from harness.submission.forms.package import Contents, Package, code_pieces, names_once, score_text
from harness.submission.forms.pieces import CopyPiece, Piece, TextPiece
from harness.submission.forms.runs import RunPair, SubmittedRun
from harness.submission.forms.system import as_json, not_told, tiny_system
from harness.submission.tree.logs import DETAIL


def tiny_tree(package: Package) -> Contents:
    """All files of the tree.

    Raises:
        ConfigError: Two runs share a benchmark.
    """
    owner = package.owner
    pieces: list[Piece] = code_pieces(package, f"{owner}/code/tflite-loadgen")
    system = tiny_system(package.runs[0].performance, package.division, package.submitter, package.told_system)
    pieces.append(TextPiece(f"{owner}/systems/{package.system}.json", as_json(system), skeleton=True))
    pieces.append(TextPiece(f"{owner}/calibration.md", calibration(package.runs), skeleton=True))
    results = {}
    for pair, benchmark in package.pairs:
        folder = f"{owner}/results/{package.system}/{benchmark.names.tree}"
        if benchmark.detects:
            # A detector's one folder has both.
            text = _detections(pair.accuracy, benchmark.dataset_size.value) + _performance(pair)
            pieces += _run(f"{folder}/performance", pair.performance, text, "p")
        else:
            pieces += _run(f"{folder}/accuracy", pair.accuracy, _accuracy(pair.accuracy), "a")
            pieces += _run(f"{folder}/performance", pair.performance, _performance(pair), "p")
        results[benchmark.names.tree] = score_text(pair)
    if twice := names_once([piece.path for piece in pieces]):
        raise ConfigError(f"two of the runs would lie in one place of the tree: {twice[0]}; submit them one by one")
    pieces.append(
        TextPiece(f"{owner}/README.md", package_readme(package.rules, package.division, package.submitter, results))
    )
    return Contents(tuple(pieces), results, not_told(system))


def _run(folder: str, run: SubmittedRun, text: str, mode: str) -> Iterator[Piece]:
    yield TextPiece(f"{folder}/results.txt", text)
    yield CopyPiece(f"{folder}/log.txt", run.folder / DETAIL)
    begin, end = run.log.moment("power_begin"), run.log.moment("power_end")
    elapsed = (end - begin).total_seconds() if begin and end else 0.0
    count = run.log.integer("result_query_count") or run.result.dataset.count or 0
    infer = {"elapsed_time": round(elapsed * 1e6), "total_inferences": count, "iterations": count, "warmups": 0}
    yield TextPiece(f"{folder}/results.json", json.dumps([{"infer": infer, "mode": mode}], indent=2) + "\n")


def _accuracy(run: SubmittedRun) -> str:
    lines = []
    for name, one in (run.result.accuracy or {}).items():
        if name == "top1":
            lines.append(f"0000.000000 ulp-mlperf: Top 1% = {100 * one.value:.1f}\n")
        elif name == "auc":
            lines.append(f"0000.000000 ulp-mlperf: AUC = {one.value:.3f}\n")
    return "".join(lines)


def _detections(run: SubmittedRun, words: int | None) -> str:
    """Hits, misses and false alarms of a wake word's detector.

    Args:
        run: Its accuracy run.
        words: In the suite's stream.
    """
    found = {name: one.value for name, one in (run.result.accuracy or {}).items()}
    misses, alarms, rate = (found.get(name) for name in ("false_negatives", "false_positives", "hit_rate"))
    if misses is None or alarms is None or rate is None:
        raise ConfigError(
            f"the run in {run.folder} counts no hits and false alarms: it has {', '.join(found) or 'no score'}"
        )
    # Without a miss the rate does not tell how many words there were.
    hits = rate * misses / (1 - rate) if rate < 1 else (words or 0)
    return f"Accuracy: {hits:.0f} True positives, {misses:.0f} False negatives, {alarms:.0f} False positives\n"


def _performance(pair: RunPair) -> str:
    """One window, since LoadGen's run is one: the suite's five cannot be made of it."""
    figures = pair.performance.result.performance
    duration, count = (figures.duration_s, figures.query_count) if figures else (0.0, 0)
    rate = count / duration if duration else 0.0
    return (
        f"Performance results for window 1\n    # Inferences : {count}\n    Runtime: {duration:.6f} sec.\n"
        f"    Throughput: {rate} inf./sec.\n0000.000000 ulp-mlperf: Median throughput is {rate:10.3f} inf./sec.\n"
    )
