"""Who asks models of which task."""

from __future__ import annotations

from collections.abc import Mapping

from harness.api.arrays import AnyModel
from harness.api.base import Model
from harness.api.mobile_models import Classifier, Detector, KeywordSpotter, QuestionAnswerer, Segmenter, SuperResolver
from harness.api.tiny_models import AnomalyDetector, Landmarker, WakeWordListener, YoloDetector
from harness.errors import ConfigError
from harness.spec.resolve import AskedModel

KINDS: Mapping[str, type[Model]] = {
    kind.task: kind
    for kind in (
        AnomalyDetector,
        AnyModel,
        Classifier,
        Detector,
        KeywordSpotter,
        Landmarker,
        QuestionAnswerer,
        Segmenter,
        SuperResolver,
        WakeWordListener,
        YoloDetector,
    )
}


def kind_of(asked: AskedModel) -> type[Model]:
    """Who asks models of this task.

    Raises:
        ConfigError: Nobody: no single question of this task can be asked.
    """
    if asked.benchmark.task not in KINDS:
        raise ConfigError(
            f"{asked.benchmark.title} is {asked.benchmark.task}, of which no single question can be asked; "
            f"known: {', '.join(sorted(KINDS))}"
        )
    return KINDS[asked.benchmark.task]
