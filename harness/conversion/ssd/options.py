"""What a file says of an SSD whose post-processing is to be added: which outputs, which anchors, and the op's own options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Discriminator, Field, Tag, ValidationError

from harness.config.files import read_yaml
from harness.config.mistakes import explanations, report
from harness.config.schema import Section
from harness.errors import ConfigError
from harness.zoo.graph.ssd_anchors import ssd_anchors

Scores = Literal["probabilities", "sigmoid", "softmax"]
_SIDES = 4
_MOST = 10_000
"""Of detections, and of a feature map's rows: the kernel counts in int32, and larger ones are a slip."""
Side = Annotated[int, Field(ge=1, le=_MOST)]
Positive = Annotated[float, Field(gt=0)]


class AnchorGrid(Section):
    """Anchors made by rule: see `harness.zoo.graph.ssd_anchors`."""

    feature_maps: list[tuple[Side, Side]] = Field(min_length=1)
    """Rows and columns of each, from the finest."""
    min_scale: float = Field(default=0.2, gt=0, le=1)
    max_scale: float = Field(default=0.95, gt=0, le=1)
    aspect_ratios: list[Positive] = Field(default=[1.0, 2.0, 0.5, 3.0, 1 / 3], min_length=1)
    reduce_lowest: bool = True


class PostProcess(Section):
    """Of TFLite_Detection_PostProcess. The defaults are those of export_tflite_ssd_graph.py with regular suppression."""

    boxes: str | None = None
    """The output with the encoded boxes, [1, anchors, 4]; null for the only one of that shape."""
    scores: str | None = None
    """The output with the scores, [1, anchors, classes]; null for the only other one with as many rows."""
    scores_are: Scores = "probabilities"
    """`sigmoid` and `softmax` of what are logits yet: that op is added, too."""
    background: bool = True
    """Whether the scores' first column is the background's."""
    anchors: Annotated[
        Annotated[Path, Tag("a file")] | Annotated[AnchorGrid, Tag("a rule")],
        Discriminator(lambda given: "a rule" if isinstance(given, dict | AnchorGrid) else "a file"),
    ]
    """A .npy or .csv file [anchors, 4] of y, x, height and width in fractions of the picture; or the rule that makes them."""
    max_detections: int = Field(default=10, ge=1, le=_MOST)
    max_classes_per_detection: int = Field(default=1, ge=1, le=_MOST)
    detections_per_class: int = Field(default=100, ge=1, le=_MOST)
    use_regular_nms: bool = True
    nms_score_threshold: float = Field(default=1e-8, ge=0, lt=1)
    nms_iou_threshold: float = Field(default=0.6, gt=0, le=1)
    box_scales: tuple[Positive, Positive, Positive, Positive] = (10.0, 10.0, 5.0, 5.0)
    """What encoded y, x, height and width were multiplied by."""

    def anchor_values(self) -> npt.NDArray[np.float32]:
        """The anchors, float32 [anchors, 4].

        Raises:
            ConfigError: The file cannot be read, or holds something else.
        """
        if isinstance(self.anchors, Path):
            return _read(self.anchors)
        grid = self.anchors
        return ssd_anchors(
            grid.feature_maps,
            min_scale=grid.min_scale,
            max_scale=grid.max_scale,
            aspect_ratios=grid.aspect_ratios,
            reduce_lowest=grid.reduce_lowest,
        )

    def kernel_options(self, classes: int) -> dict[str, float | int | bool]:
        """As the op's kernel reads them.

        Args:
            classes: Without the background.
        """
        names = ("y_scale", "x_scale", "h_scale", "w_scale")
        return {
            "max_detections": self.max_detections,
            "max_classes_per_detection": self.max_classes_per_detection,
            "detections_per_class": self.detections_per_class,
            "use_regular_nms": self.use_regular_nms,
            "nms_score_threshold": self.nms_score_threshold,
            "nms_iou_threshold": self.nms_iou_threshold,
            "num_classes": classes,
            **dict(zip(names, self.box_scales, strict=True)),
        }


def read_post_process(path: Path) -> PostProcess:
    """Reads the file; an anchors' file is looked for beside it.

    Raises:
        ConfigError: It cannot be read, or a field is unknown or makes no sense.
    """
    try:
        found = PostProcess.model_validate(read_yaml(path))
    except ValidationError as error:
        raise ConfigError(report(str(path), explanations(error.errors(), PostProcess))) from None
    if isinstance(found.anchors, Path):
        return found.model_copy(update={"anchors": path.parent / found.anchors})
    return found


def _read(path: Path) -> npt.NDArray[np.float32]:
    try:
        found = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path, delimiter=",", ndmin=2)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(f"cannot read the anchors {path}: {error}") from None
    if found.ndim != 2 or found.shape[1] != _SIDES or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        raise ConfigError(
            f"the anchors {path} are {found.dtype} {list(found.shape)}, but must be finite numbers [anchors, {_SIDES}]: "
            "y, x, height and width in fractions of the picture, a row each"
        )
    return found.astype(np.float32)
