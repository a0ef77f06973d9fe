"""The tree of the mobile suite: of v4.0 on as the app lays it out, before in a folder a benchmark and scenario."""

from __future__ import annotations

from collections.abc import Iterator

from harness.config.official.rule_sets import BenchmarkRules
from harness.errors import ConfigError
from harness.json_records import to_json
from harness.submission.forms.app_result import app_result
from harness.submission.forms.documents import calibration, package_readme, run_readme
from harness.submission.forms.model_fields import five_fields
from harness.submission.forms.package import Contents, Package, code_pieces, in_parts, names_once, score_text
from harness.submission.forms.pieces import Piece, TextPiece
from harness.submission.forms.runs import RunPair, SubmittedRun
from harness.submission.forms.system import as_json, mobile_system, not_told
from harness.submission.tree.logs import ACCURACY, DETAIL, SUMMARY, TRACE

_OLD = ("v2.0", "v2.1", "v3.0", "v3.1", "v4.0", "v4.1")
"""Rounds whose trees have a folder a benchmark and scenario."""
_LOGS = (DETAIL, SUMMARY, ACCURACY, TRACE)
_IMPLEMENTATION = "tflite"


def mobile_tree(package: Package) -> Contents:
    """All files of the tree.

    Raises:
        ConfigError: Two models share a benchmark, or the app does not know one.
    """
    owner, device = package.owner, package.system
    pieces: list[Piece] = code_pieces(package, f"{owner}/code/{_IMPLEMENTATION}")
    system = mobile_system(package.runs[0].performance, package.told_system)
    pieces.append(TextPiece(f"{owner}/systems/{device}.json", as_json(system), skeleton=True))
    pieces.append(TextPiece(f"{owner}/Calibration.md", calibration(package.runs), skeleton=True))
    results, lacking = {}, list(not_told(system))
    for pair, benchmark in package.pairs:
        name = benchmark.names.tree
        fields = five_fields(pair.performance, package.told_model)
        lacking += not_told(fields)
        below = f"{name}/{pair.scenario}"
        file = f"{device}_{_IMPLEMENTATION}_{pair.scenario}.json"
        pieces.append(TextPiece(f"{owner}/measurements/{device}/{below}/{file}", as_json(fields)))
        pieces.append(TextPiece(f"{owner}/code/{name}/README-{pair.scenario}.md", run_readme(pair, name)))
        for run, kind in ((pair.performance, "performance"), (pair.accuracy, "accuracy")):
            pieces += _logs(f"{owner}/results/{device}/{_folder(package, pair, benchmark, kind)}", run)
        results[f"{name}, {pair.scenario}"] = score_text(pair)
    if twice := names_once([piece.path for piece in pieces]):
        raise ConfigError(f"two of the runs would lie in one place of the tree: {twice[0]}; submit them one by one")
    app = to_json(app_result(package.pairs))
    pieces.append(TextPiece(f"{owner}/results/{device}/result.json", as_json(app)))
    pieces.append(
        TextPiece(f"{owner}/README.md", package_readme(package.rules, package.division, package.submitter, results))
    )
    return Contents(tuple(pieces), results, tuple(dict.fromkeys(lacking)))


def _folder(package: Package, pair: RunPair, benchmark: BenchmarkRules, kind: str) -> str:
    scenario = pair.performance.spec.load.scenario
    app = benchmark.names.app.get(scenario)
    if app is None:
        raise ConfigError(f"the app of {package.rules.name} has no name for {scenario} of {benchmark.names.tree}")
    if package.rules.round in _OLD:
        return f"{benchmark.names.tree}/{pair.scenario}/log_{kind}"
    return f"{app}-{kind}"


def _logs(folder: str, run: SubmittedRun) -> Iterator[Piece]:
    """Whole, for mobile rounds truncate nothing; what is too large for a repository in parts."""
    for name in _LOGS:
        if (run.folder / name).is_file():
            yield from in_parts(f"{folder}/{name}", run.folder / name)
