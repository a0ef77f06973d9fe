"""The tree of inference (edge), of v5 with folders of their own for measurements and compliance, of v6 beside the logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.config.official.compliance_tests import sampling_target
from harness.config.official.rule_sets import BenchmarkRules
from harness.errors import ConfigError
from harness.submission.check.inference.scenarios import INFERRED, asked_scenarios
from harness.submission.compliance.accuracy import compare, verify_accuracy
from harness.submission.compliance.judge import samples_asked
from harness.submission.compliance.performance import verify_performance
from harness.submission.forms.accuracy_script import script_line
from harness.submission.forms.documents import benchmark_code_readme, calibration, package_readme, run_readme
from harness.submission.forms.model_fields import five_fields
from harness.submission.forms.package import Contents, Package, code_pieces, names_once, score_text
from harness.submission.forms.pieces import CopyPiece, Piece, TextPiece, TruncatedPiece, moved
from harness.submission.forms.runs import USER_CONF, RunPair, SubmittedRun
from harness.submission.forms.system import as_json, inference_system, not_told, plain_name
from harness.submission.tree.benchmark_names import MAPPING_FILE, needs_mapping
from harness.submission.tree.documents import sha256_of
from harness.submission.tree.logs import ACCURACY, DETAIL, SUMMARY
from harness.submission.tree.places import ScenarioPlace, code_folder, form_of

_REFERENCE = {
    "resnet": ("resnet50",),
    "bert-99": ("bert-large", "bert_large"),
    "bert-99.9": ("bert-large", "bert_large"),
    "yolo-99": ("yolo11l", "yolov11l"),
    "yolo-95": ("yolo11l", "yolov11l"),
    "retinanet": ("retinanet",),
}
"""What a file of the closed division's reference models is called (IP, tables of benchmarks)."""
_IMPLEMENTATION = "tflite-loadgen"


def inference_tree(package: Package) -> Contents:
    """All files of the tree.

    Raises:
        ConfigError: A model has no place in the division; two models share a name; an accuracy log is damaged.
        OSError: A log cannot be read.
    """
    form, owner = form_of(package.rules.round), package.owner
    code = f"{owner}/{code_folder(form)}"
    pieces: list[Piece] = code_pieces(package, f"{code}/{_IMPLEMENTATION}")
    system = inference_system(package.runs[0].performance, package.division, package.submitter, package.told_system)
    pieces.append(TextPiece(f"{owner}/systems/{package.system}.json", as_json(system), skeleton=True))
    pieces.append(TextPiece(f"{owner}/documentation/calibration.md", calibration(package.runs), skeleton=True))
    results, mapping, lacking, notes = {}, {}, list(not_told(system)), []
    places: list[ScenarioPlace] = []
    for pair, official in package.pairs:
        name = _folder_name(package, pair, official)
        if needs_mapping(name, official.names.tree, package.rules):
            mapping[name] = official.names.tree
        place = ScenarioPlace(form, package.division, package.submitter, package.system, name, pair.scenario)
        places.append(place)
        fields = five_fields(pair.performance, package.told_model)
        lacking += not_told(fields)
        own = list(_scenario(place, pair, official, fields))
        pieces += own
        results[f"{name}, {pair.scenario}"] = score_text(pair)
        if package.infer:
            inferred, why = _inferred(package, place, pair, own, official)
            pieces += inferred
            notes += why
    if package.infer and not notes:
        notes.append("--infer: no scenario that could be inferred was left to infer")
    twice = names_once([piece.path for piece in pieces])
    if twice:
        raise ConfigError(f"two of the runs would lie in one place of the tree: {twice[0]}; submit them one by one")
    for name in dict.fromkeys(place.benchmark for place in places):
        # POL's place for it, and where the checker of v5 looks.
        readme = benchmark_code_readme(name, _IMPLEMENTATION)
        pieces.append(TextPiece(f"{code}/{name}/{_IMPLEMENTATION}/README.md", readme))
    if mapping:
        pieces.append(TextPiece(f"{owner}/{MAPPING_FILE}", json.dumps(mapping, indent=2, sort_keys=True) + "\n"))
    pieces.append(
        TextPiece(f"{owner}/README.md", package_readme(package.rules, package.division, package.submitter, results))
    )
    return Contents(tuple(pieces), results, tuple(dict.fromkeys(lacking)), tuple(notes))


def _folder_name(package: Package, pair: RunPair, official: BenchmarkRules) -> str:
    """Closed: the benchmark's own, of a reference model alone. Open: the model's."""
    model = pair.performance.result.model
    if package.division == "open":
        return plain_name(model.name if model.source != "file" else Path(model.path).stem)
    tree = official.names.tree
    words = _REFERENCE.get(tree, ())
    if model.source != "file" or not any(word in Path(model.path).name.casefold() for word in words):
        raise ConfigError(
            f"{model.name} is not the reference model of {tree}, and the closed division takes no other: use --division open, "
            f"or a file of the reference model named for it ({' or '.join(words)}), unchanged but for quantisation"
        )
    return tree


def _scenario(place: ScenarioPlace, pair: RunPair, official: BenchmarkRules, fields: dict[str, str]) -> Iterator[Piece]:
    performance, accuracy = pair.performance, pair.accuracy
    for name in (DETAIL, SUMMARY):
        yield CopyPiece(f"{place.performance}/{name}", performance.folder / name)
        yield CopyPiece(f"{place.accuracy}/{name}", accuracy.folder / name)
    yield from truncated_log(place.accuracy, accuracy, f"{script_line(accuracy, official.targets[0].metric)}\n")
    name = "measurements.json" if place.form == "v6" else f"{place.system}_{_IMPLEMENTATION}_{place.scenario}.json"
    yield TextPiece(f"{place.measurements}/{name}", as_json(fields))
    if place.form == "v6":
        yield TextPiece(f"{place.measurements}/model-info.json", as_json(fields))
    yield CopyPiece(f"{place.measurements}/{USER_CONF}", performance.folder / USER_CONF)
    yield TextPiece(f"{place.measurements}/README.md", run_readme(pair, place.benchmark))
    for run in pair.tests:
        yield from _test(place, pair, run, official)


def truncated_log(folder: str, run: SubmittedRun, said: str) -> Iterator[Piece]:
    """An accuracy log's two ends, and accuracy.txt with the hash of the whole.

    Args:
        folder: Where both go.
        run: Whose log it is.
        said: What accuracy.txt says before the hash.

    Raises:
        ConfigError: The run's own log was truncated already.
    """
    source = run.folder / ACCURACY
    if source.stat().st_size == 8199 and b"\n\n...\n\n" in source.read_bytes():
        raise ConfigError(
            f"{source} was truncated already: a tree is made of the log as the run wrote it; put that back"
        )
    yield TruncatedPiece(f"{folder}/{ACCURACY}", source)
    yield TextPiece(f"{folder}/accuracy.txt", f"{said}hash={sha256_of(source)}\n")


def _test(place: ScenarioPlace, pair: RunPair, run: SubmittedRun, official: BenchmarkRules) -> Iterator[Piece]:
    if run.test is None:
        return
    folder = f"{place.compliance}/{run.test}"
    for name in (DETAIL, SUMMARY):
        yield CopyPiece(f"{folder}/performance/run_1/{name}", run.folder / name)
    verified = verify_performance(run.test, pair.performance.log, run.log)
    yield TextPiece(f"{folder}/verify_performance.txt", verified.text)
    if run.test == "TEST01":
        yield from truncated_log(f"{folder}/accuracy", run, "")
        compared = compare(pair.accuracy.folder / ACCURACY, run.folder / ACCURACY)
        answers = verify_accuracy(compared, sampling_target(official.names.loadgen), samples_asked(run.log))
        yield TextPiece(f"{folder}/verify_accuracy.txt", answers.text)


def _inferred(
    package: Package, place: ScenarioPlace, pair: RunPair, own: list[Piece], official: BenchmarkRules
) -> tuple[list[Piece], list[str]]:
    """Copies of the scenario's folders, for those that may be inferred from it and were not run."""
    ran = {
        one.scenario
        for one, _ in package.pairs
        if one.performance.spec.model.sha256 == pair.performance.spec.model.sha256
    }
    pieces: list[Piece] = []
    notes = []
    for source, target in sorted(INFERRED):
        # SingleStream before MultiStream, where both could give Offline.
        if source != pair.scenario or target in ran or (source == "MultiStream" and "SingleStream" in ran):
            continue
        if package.division == "closed" and target not in (asked_scenarios(official, "edge") or ()):
            # One scenario too many, and the checker refuses the whole benchmark.
            continue
        if target == "MultiStream" and not pair.performance.log.number("early_stopping_latency_ms"):
            notes.append(f"{place.benchmark}: MultiStream cannot be inferred, SingleStream had fewer than 662 queries")
            continue
        to = ScenarioPlace(place.form, place.division, place.submitter, place.system, place.benchmark, target)
        places = {getattr(place, name): getattr(to, name) for name in ("results", "measurements", "compliance")}
        for piece in own:
            copy = moved(piece, places)
            if copy is not None:
                pieces.append(_renamed(copy, f"_{source}.json", f"_{target}.json"))
        notes.append(f"{place.benchmark}: {target} is inferred from {source}")
    return pieces, notes


def _renamed(piece: Piece, old: str, new: str) -> Piece:
    """v5 has the scenario in the name of the file of measurements."""
    if isinstance(piece, TextPiece) and piece.path.endswith(old):
        return TextPiece(piece.path.removesuffix(old) + new, piece.text, piece.skeleton)
    return piece
