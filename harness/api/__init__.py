"""For people who want answers, not measurements: open a model, ask about one picture or one question.

    from harness.api import open_model

    with open_model("mobilenet_edgetpu", model="m.tflite", labels="names.txt") as classify:
        print(classify("cat.jpg").best)

What prepares a picture, finds the model's tensors and decodes their values is the benchmark's own code (`tasks`), with
the same defaults (`configs`), so an answer here is the answer that a run would log. A model belongs to one thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.api.answers import Box, Boxes, Heard, Label, Labels, Mask, Points, Suspicion, Text, Upscaled
from harness.api.arrays import AnyModel, Arrays
from harness.api.base import Model, resolve_arguments
from harness.api.benchmarks import run_benchmark
from harness.api.inputs import Names, Picture
from harness.api.kinds import kind_of
from harness.api.mobile_models import Classifier, Detector, KeywordSpotter, QuestionAnswerer, Segmenter, SuperResolver
from harness.api.tiny_models import AnomalyDetector, Landmarker, WakeWordListener, YoloDetector
from harness.way_in import complaining_as_entered

__all__ = [
    "AnomalyDetector",
    "AnyModel",
    "Arrays",
    "Box",
    "Boxes",
    "Classifier",
    "Detector",
    "Heard",
    "KeywordSpotter",
    "Label",
    "Labels",
    "Landmarker",
    "Mask",
    "Model",
    "Names",
    "Picture",
    "Points",
    "QuestionAnswerer",
    "Segmenter",
    "SuperResolver",
    "Suspicion",
    "Text",
    "Upscaled",
    "WakeWordListener",
    "YoloDetector",
    "open_model",
    "run_benchmark",
]


@complaining_as_entered
def open_model(
    task: str = "tensors",
    *,
    model: str | Path | None = None,
    backend: str | None = None,
    threads: int | None = None,
    labels: Names | None = None,
    **options: Any,
) -> Any:
    """Opens a model for questions of a task.

    Args:
        task: A benchmark's name (`mobilenet_edgetpu`), an alias (`classification`) or the path of a config file; left out for
            any model, which is asked with arrays.
        model: `auto`, `official`, `standin`, a name from the config, or the path of a TFLite file; None takes the config's
            own, which is `auto` in those that come with the program.
        backend: As `--backend` of a run; None takes the config's own, or `cpu`.
        threads: CPU threads; None takes the config's own number, or 1.
        labels: The classes' names: a text file with one a line, or the names themselves, in the order of the model's
            classes. An opening `background`, `???` or `unlabeled` is skipped, except for segmentation.
        **options: Options of the task as its config has them, for example `profile="pillow"`.

    Returns:
        A `Classifier`, `Detector`, `YoloDetector`, `Landmarker`, `Segmenter`, `QuestionAnswerer`, `SuperResolver`,
        `KeywordSpotter`, `AnomalyDetector`, `WakeWordListener` or `AnyModel`. Each has an `open` of its own, which is this
        function for readers who want types.

    Raises:
        ConfigError: An unknown name or option, or no model.
        backends.base.BackendUnavailable: The backend is not here.
        backends.base.ModelRejected: The runtime does not take the file.
        tasks.base.ModelMismatch: The model's tensors do not fit the task.
    """
    asked = resolve_arguments(task, model, backend, threads, options)
    return kind_of(asked)(asked, labels)
