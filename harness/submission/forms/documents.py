"""What people read in a tree: how a run is done again, how a model was calibrated, what the package is good for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from harness.config.official.rule_sets import RuleSet
from harness.submission.forms.runs import RunPair, SubmittedRun
from harness.submission.tree.readme import MODEL_LINE, SYSTEM_LINE

_CALIBRATION = {
    "classification": (
        ("ImageNet/cal_image_list_option_1.txt", "7662247d1d9407d6cb564268f64c5a4a6cf9f1a34fd2e6cdc3b94dcf278b3dc9"),
        ("ImageNet/cal_image_list_option_2.txt", "11ce810122226ec0ca8c56e47ee356e3c1185f3c6ce8262edb50c3c1d0a9705e"),
    ),
    "detection": (
        ("COCO/coco_cal_images_list.txt", "ca6f97a9e49db992d18bf01dc98d7b164c5f57c0ce2553c45365ca8445bec559"),
    ),
    "question_answering": (
        ("SQuAD-v1.1/bert_calibration_qas_ids.txt", "282d3175dc3d67b33f4883ad109a024b4ef126ef436bb0dd4b0c98bf0f004a19"),
        (
            "SQuAD-v1.1/bert_calibration_features.txt",
            "5a4ace54371313359193a661d653731115fc749c6ed92812ada1f74d4b1b708a",
        ),
    ),
    "segmentation": (
        ("ADE20K/ADE20k_calibration.txt", "07ee6b2b628f749030bd0e60a1efd4d545dcee914950847cfa72e5f676357813"),
    ),
    "super_resolution": (
        ("OpenImages/OpenImages_calibration.txt", "0caead5542731287e1814c3033b7f48280b7824cf3ce4c417f50eae5c7c9e1da"),
    ),
}
"""By kind of task: the lists that closed allows (INF calibration/, MO calibration/) and their SHA-256."""

_CODE_README = """# tflite-loadgen

MLPerf's LoadGen for TFLite models, version {version}. The folder beside this file is its source, from the command line to
LoadGen's callbacks: harness/serving/, tasks/, backends/, native/.

## Commands

"""


_BENCHMARK_CODE_README = """# {name}

The code of {name} is that of all benchmarks here: ../../{implementation}/. Its README has every command; that of each run
stands beside the run's measurements.
"""


def run_readme(pair: RunPair, name: str) -> str:
    """README.md of a benchmark in a scenario.

    Args:
        pair: Its runs.
        name: The benchmark's folder.
    """
    run = pair.performance
    lines = [f"# {run.spec.title}: {name}, {pair.scenario}", "", "## Commands", ""]
    lines += [f"    {_command(one)}    # {one.test or one.spec.load.mode}" for one in pair.all]
    machine = run.result.system
    memory = f"{(machine.memory_bytes or 0) / 2**30:.1f} GiB"
    lines += ["", "## System", "", f"{SYSTEM_LINE}{machine.cpu or machine.machine}, {memory}, {machine.platform}"]
    lines += ["", "## Versions", "", f"* Python {run.result.system.python}"]
    lines += [
        f"* {package} {version}" for package, version in run.result.system.versions.items() if version != "absent"
    ]
    lines += [
        f"* LoadGen {run.log.text('loadgen_version') or ''}",
        f"* rules {run.spec.load.rules}",
        "",
        "## Checksums",
        "",
    ]
    lines += [f"{MODEL_LINE}{run.result.model.sha256} (SHA-256), {run.result.model.name}"]
    lines += [
        f"* data {run.result.dataset.name} ({run.result.dataset.source}): {pair.accuracy.result.dataset.count} samples"
    ]
    lines += ["", "## Settings", ""]
    lines += [f"* backend {run.result.backend.name}, {_answering(run)}"]
    lines += [f"* {key}: {value}" for key, value in sorted(run.result.options.items())]
    return "\n".join(lines) + "\n"


def calibration(pairs: Sequence[RunPair]) -> str:
    """calibration.md to be filled in: what the rules want told of every model."""
    lines = ["# Calibration", ""]
    for run in {pair.performance.spec.model.sha256: pair.performance for pair in pairs}.values():
        lines += [f"## {run.result.model.name}", "", f"The model's file: SHA-256 {run.result.model.sha256}.", ""]
        lists = _CALIBRATION.get(run.spec.task, ())
        lines += [
            "Lists of calibration samples that MLCommons names for this data set (closed: one of them, whole):",
            "",
        ]
        lines += [f"* {name}, SHA-256 {sha256}" for name, sha256 in lists] or ["* none is named"]
        lines += ["", "To be told by the submitter, for weights and for activations:", ""]
        lines += ["* granularity: by tensor or by channel", "* symmetric or not", "* how the ranges come about"]
        lines += ["* through which operators ranges are propagated", "* which operators stay in floating point", ""]
    return "\n".join(lines)


def code_readme(pairs: Sequence[RunPair], version: str) -> str:
    """README of the code: what it is, and every command."""
    commands = {_command(run) for pair in pairs for run in pair.all}
    return _CODE_README.format(version=version) + "".join(f"    {command}\n" for command in sorted(commands))


def benchmark_code_readme(name: str, implementation: str) -> str:
    """README where the rules look for the code of one benchmark.

    Args:
        name: The benchmark's folder.
        implementation: The folder of the code, beside it.
    """
    return _BENCHMARK_CODE_README.format(name=name, implementation=implementation)


def rehearsal(why: Sequence[str]) -> str:
    """REHEARSAL.md: every reason for which this tree is no submission, a line each."""
    lines = ["# A rehearsal", "", "This tree has the form of a submission and is none. Each reason:", ""]
    return "\n".join([*lines, *(f"* {one}" for one in why)]) + "\n"


def good_for(rules: RuleSet, division: str) -> str:
    """What the package is good for, a sentence; docs/submission.md says more."""
    if rules.suite == "inference" and division == "closed":
        return (
            "Good for the closed division, if the weights are those of the round's reference model, unchanged but for "
            "quantisation: no tool can see that, a reviewer will ask for it."
        )
    return f"Good for {rules.submission.good_for}."


def package_readme(rules: RuleSet, division: str, submitter: str, results: Mapping[str, str]) -> str:
    """README.md of a submitter's folder: what is in it and what it is good for."""
    lines = [f"# {submitter}: {rules.name}, {division}", "", good_for(rules, division), "", "## Results", ""]
    return "\n".join([*lines, *(f"* {name}: {what}" for name, what in results.items())]) + "\n"


def _command(run: SubmittedRun) -> str:
    words = run.result.system.argv
    return " ".join(["./run.sh", *(shlex.quote(word) for word in words[1:])])


def _answering(run: SubmittedRun) -> str:
    answering = run.result.backend.answering
    if answering is None:
        return "not told"
    return f"{answering.instances} x {answering.threads} threads, batch {answering.batch}, native {answering.native}"
