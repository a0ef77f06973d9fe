"""Rules on an accuracy run: the score that is claimed, the log that its hash names, and whether the two agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from harness.config.official.rule_sets import BenchmarkRules
from harness.submission.check.saying_nothing import tree_size
from harness.submission.finding import Fault, Rule
from harness.submission.tree.accuracy_text import METRICS, AccuracyText, parse_accuracy_text
from harness.submission.tree.documents import Broken, sha256_of
from harness.submission.tree.listing import Tree
from harness.submission.tree.logs import ACCURACY, DetailLog

MOST_LOG_BYTES = 10 * 1024
"""SC constants.py MAX_ACCURACY_LOG_SIZE."""
_VIEWABLE = 4096
_ROW = re.compile(r'"qsl_idx"\s*:\s*(\d+)\s*,\s*"data"\s*:\s*"([0-9A-Fa-f]*)"')
_CUT = "\n\n...\n\n"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOLERANCE = Decimal("0.002")
"""Percentage points: scripts print three decimals."""
_WHOLE = Decimal(100)
_SCRIPT = "print it anew with MLCommons' accuracy script from the whole log, then truncate that log"


@dataclass(frozen=True, slots=True)
class AccuracyRun:
    """The accuracy folder of a scenario, or of TEST01."""

    tree: Tree
    folder: str
    log: DetailLog | None
    """None where it cannot be read, which is said elsewhere; TEST01 has none there."""
    official: BenchmarkRules
    division: str
    scored: bool = True
    """Whether accuracy.txt must hold a score. TEST01's holds the hash alone."""

    @property
    def text_file(self) -> str:
        """The path of accuracy.txt."""
        return f"{self.folder}/accuracy.txt"

    @property
    def log_file(self) -> str:
        """The path of the accuracy log."""
        return f"{self.folder}/{ACCURACY}"

    def said(self) -> AccuracyText | None:
        """What accuracy.txt says; None where it cannot be read."""
        text = self.tree.text(self.text_file, strict=True)
        return None if isinstance(text, Broken) else parse_accuracy_text(text)

    @property
    def metric(self) -> str:
        """That the benchmark is judged by."""
        return self.official.targets[0].metric


def there(run: AccuracyRun) -> Iterator[Fault]:
    """Both files, with something in them."""
    for path, fix in ((run.text_file, _SCRIPT), (run.log_file, "put the accuracy run's log here, truncated")):
        text = run.tree.text(path, strict=path == run.text_file)
        if isinstance(text, Broken):
            yield Fault(path, text.what, fix)
    log = run.tree.text(run.log_file)
    if not isinstance(log, Broken) and "qsl_idx" not in log:
        figure = f"{tree_size(run.tree, run.log_file)} bytes"
        yield Fault(run.log_file, "holds not one answer", "put the accuracy run's log here, truncated", figure)


def answers(run: AccuracyRun) -> Iterator[Fault]:
    """What can be seen of a log are answers to samples of its run, with something in them."""
    text = run.tree.text(run.log_file)
    if isinstance(text, Broken):
        return
    rows = [(int(index), data) for index, data in _ROW.findall(text[:MOST_LOG_BYTES])]
    samples = samples_of(run.log) if run.log else None
    if rows and not any(data for _, data in rows):
        fix = "log what the model answers; nothing can be scored from an empty answer"
        yield Fault(
            run.log_file, "holds nothing but empty answers", fix, f"{len(rows)} of {len(rows)} that can be seen"
        )
    beyond = [index for index, _ in rows if samples is not None and index >= samples]
    # That the run did not cover the set is said by itself.
    if beyond and samples == run.official.dataset_size.value:
        figure = f"sample {beyond[0]}, the run had {samples}"
        yield Fault(run.log_file, "answers samples that its run did not have", "put the run's own log here", figure)


def score(run: AccuracyRun) -> Iterator[Fault]:
    """A line with the benchmark's metric; in the open division, too, whose accuracy must be reported."""
    said = run.said()
    if not run.scored or said is None or run.metric in said.values:
        return
    example, _ = METRICS[run.metric]
    others = ", ".join(f"{name} {value}" for name, value in said.values.items())
    figure = f"needed a line as: {example}" + (f"; it has {others}" if others else "")
    fix = _SCRIPT
    if others:
        fix = "if this is another benchmark, name it in model_mapping.json: the checker guesses from the folder's name"
    yield Fault(run.text_file, "claims no accuracy in the benchmark's metric", fix, figure)


def target(run: AccuracyRun) -> Iterator[Fault]:
    """The closed division's floor."""
    said = run.said()
    if not run.scored or said is None or run.division == "open":
        return
    for wanted in run.official.targets:
        least = Decimal(str(wanted.value)) * 100
        found = said.values.get(wanted.metric)
        if found is not None and found < least:
            fix = "look at the preprocessing and the quantisation, or submit in the open division"
            yield Fault(
                run.text_file, "misses the closed division's target", fix, f"{found} %, at least {least.normalize()} %"
            )


def arithmetic(run: AccuracyRun) -> Iterator[Fault]:
    """What accuracy.txt counts must be the run's samples, and give the share that it claims."""
    said = run.said()
    if not run.scored or said is None:
        return
    for metric, value in said.values.items():
        if value > _WHOLE:
            yield Fault(run.text_file, f"claims more than all in {metric}", _SCRIPT, f"{value} %")
    if said.twice:
        yield Fault(run.text_file, "claims two scores in one metric", _SCRIPT, ", ".join(said.twice))
    if said.total is None or said.good is None:
        return
    samples = samples_of(run.log) if run.log else None
    if samples is not None and said.total != samples:
        figure = f"total={said.total}, the run had {samples}"
        yield Fault(run.text_file, "is of another number of samples than the accuracy run", _SCRIPT, figure)
    claimed = said.values.get("top1")
    real = Decimal(100 * said.good) / said.total if said.total else Decimal(0)
    if claimed is not None and abs(claimed - real) > _TOLERANCE:
        figure = f"{claimed} %, but {said.good} of {said.total} is {real:.3f} %"
        yield Fault(run.text_file, "claims another share than it counts", _SCRIPT, figure)


def data_set(run: AccuracyRun) -> Iterator[Fault]:
    """All samples of the benchmark's set, in the open division, too."""
    wanted = run.official.dataset_size.value
    found = samples_of(run.log) if run.log else None
    if run.log and wanted is not None and found != wanted:
        fix = "run accuracy over the whole set (no --count); 5,000 pictures of COCO pass only with --skip-dataset-size-check"
        yield Fault(
            f"{run.folder}/mlperf_log_detail.txt", "does not cover the data set", fix, f"{found} of {wanted} samples"
        )


def hashed(run: AccuracyRun) -> Iterator[Fault]:
    """The hash of the whole log, last in accuracy.txt."""
    said = run.said()
    # An accuracy.txt with nothing in it is said to lack its score.
    if said is None or (run.scored and not said.values and not said.hashes):
        return
    fix = (
        "truncate the log with MLCommons' truncate_accuracy_log.py, or write the tree with submit, which does the same"
    )
    if not said.hashes:
        yield Fault(run.text_file, "has no hash= line", fix)
    elif len(said.hashes) > 1:
        yield Fault(run.text_file, "has more than one hash= line", fix, f"{len(said.hashes)} lines")
    elif not _SHA256.fullmatch(said.hashes[0]):
        yield Fault(run.text_file, "has a hash that is no SHA-256", fix, said.hashes[0][:80])
    elif not said.hash_is_last:
        yield Fault(run.text_file, "has something after its hash= line", _SCRIPT)


def truncated(run: AccuracyRun) -> Iterator[Fault]:
    """A log that is short enough, and is the one that its hash names as far as can be told."""
    entry, said = run.tree.entry(run.log_file), run.said()
    text = run.tree.text(run.log_file)
    if entry is None or said is None or isinstance(text, Broken) or "qsl_idx" not in text:
        return
    if entry.size > MOST_LOG_BYTES:
        figure = f"{entry.size:,} bytes, at most {MOST_LOG_BYTES:,}"
        yield Fault(run.log_file, "is not truncated", "truncate it (truncate_accuracy_log.py, or submit)", figure)
        return
    fix = "put the log here that accuracy.txt was made from, and truncate it once"
    if _CUT not in text:
        if said.hashes and sha256_of(run.tree.root / run.log_file) != said.hashes[0]:
            figure = f"hash={said.hashes[0][:16]}..."
            yield Fault(run.log_file, "is not the log that accuracy.txt names by its hash", fix, figure)
    elif not _is_cut_log(text, entry.size):
        figure = f"{entry.size:,} bytes; a truncated log has {2 * _VIEWABLE + len(_CUT):,}"
        yield Fault(run.log_file, "was not truncated as the official tool does it", fix, figure)
    elif said.hashes and sha256_of(run.tree.root / run.log_file) == said.hashes[0]:
        what = "was truncated twice: its hash is of the truncated log, and nobody can tell the whole one by it"
        yield Fault(run.log_file, what, fix, f"hash={said.hashes[0][:16]}...")


def _is_cut_log(text: str, size: int) -> bool:
    """The first and the last 4,096 bytes of an array, and what the tool writes between."""
    return size == 2 * _VIEWABLE + len(_CUT) and text[_VIEWABLE:].startswith(_CUT) and text.lstrip().startswith("[")


def samples_of(log: DetailLog) -> int | None:
    """How many samples an accuracy run answered; older LoadGens tell the set's size alone."""
    counted = log.integer("effective_accuracy_sample_count")
    return log.integer("qsl_reported_total_count") if counted is None else counted


ACCURACY_RULES = (
    Rule("accuracy-files", "POL submission_rules.adoc; the official checker takes an empty log", there),
    Rule("accuracy-answers", "INF loadgen/logging.cc; the official checker does not look", answers),
    Rule(
        "accuracy-score",
        "IP: accuracy is reported in the open division, too; SC passes an empty accuracy.txt there",
        score,
    ),
    Rule("accuracy-target", "SC constants.py", target),
    Rule("accuracy-count", "IP inference_rules.adoc; the official checker does not compare", arithmetic),
    Rule("data-set", "SC checks/accuracy_check.py", data_set),
    Rule("accuracy-hash", "INF truncate_accuracy_log.py; SC checks/accuracy_check.py", hashed),
    Rule("truncation", "INF truncate_accuracy_log.py; SC constants.py", truncated),
)
