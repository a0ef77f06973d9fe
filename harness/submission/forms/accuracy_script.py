"""accuracy.txt as MLCommons' accuracy scripts print it, of a score that was made from the run's whole log."""

from __future__ import annotations

import json

from harness.errors import ConfigError
from harness.submission.forms.runs import SubmittedRun
from harness.submission.tree.accuracy_text import METRICS


def script_line(run: SubmittedRun, metric: str) -> str:
    """The line that counts.

    Args:
        run: An accuracy run.
        metric: That the benchmark is judged by; one that no script of inference prints is printed as `metric=value`.

    Raises:
        ConfigError: The run was not scored by it.
    """
    scores = {name: found.value for name, found in (run.result.accuracy or {}).items()}
    if metric not in scores:
        raise ConfigError(
            f"the run in {run.folder} was not scored by {metric}: it has {', '.join(scores) or 'no score'}"
        )
    value = scores[metric]
    if metric not in METRICS:
        return f"{metric}={value:.6g}"
    if metric == "top1":
        total = run.log.integer("effective_accuracy_sample_count") or run.result.dataset.count or 0
        good = round(value * total)
        return f"accuracy={100 * good / total if total else 0:.3f}%, good={good}, total={total}"
    if metric == "f1":
        return json.dumps({"exact_match": 100 * scores.get("exact_match", 0.0), "f1": 100 * value})
    return f"mAP={100 * value:.3f}%"
