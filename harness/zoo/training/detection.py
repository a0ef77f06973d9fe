"""Trains the detection stand-in: at full size, from a backbone that another task has trained."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found,unused-ignore]

from harness.zoo.builtin import coco as coco_builtin
from harness.zoo.builtin.drawing import Chance, jpeg
from harness.zoo.standins.networks import DETECTION_CLASSES, predictors, ssd_mobilenet_v2
from harness.zoo.standins.ssd import BOX_SCALES, anchors
from harness.zoo.training.classification import as_input
from harness.zoo.training.loop import Batch, State, train
from harness.zoo.training.machine import add_machine_options, chosen_device
from harness.zoo.training.torch_network import Parameters
from tasks.pictures.pixels.decoding import decode
from tasks.pictures.pixels.resize import resize_bilinear

NETWORK = ssd_mobilenet_v2()
_MATCH = 0.5
_ALPHA, _GAMMA = 0.5, 2.0
_RARE = -4.0
"""The class predictors' first bias: at first nothing is an object."""


def scenes(size: int) -> Any:
    """Batches of scenes as the benchmark prepares them, new ones at every step."""

    def batch(step: int) -> Batch:
        pictures, classes, codes = [], [], []
        for index in range(size):
            chance = Chance(f"coco/fit/scene/{step}/{index}")
            height, width = chance.integer(260, 420), chance.integer(260, 420)
            picture, figures = coco_builtin.scene(height, width, chance)
            pictures.append(_prepared(picture))
            boxes = np.array([figure.box for figure in figures], np.float64).reshape(-1, 4)
            corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)[:, [1, 0, 3, 2]]
            corners /= (height, width, height, width)
            wanted_class, wanted_code = encoded(corners, [coco_builtin.CATEGORIES[figure.kind] for figure in figures])
            classes.append(wanted_class)
            codes.append(wanted_code)
        return as_input(pictures), (torch.from_numpy(np.stack(classes)), torch.from_numpy(np.stack(codes)))

    return batch


def fit_pictures() -> Iterator[Any]:
    """The fit part's pictures as the model takes them."""
    for name, picture, _ in coco_builtin.pictures("fit"):
        yield as_input([_prepared(decode(jpeg(picture), name))])


def _prepared(picture: Any) -> Any:
    return resize_bilinear(picture, NETWORK.side, NETWORK.side).astype(np.uint8)


def encoded(corners: Any, categories: list[int]) -> tuple[Any, Any]:
    """What every anchor should say.

    Args:
        corners: Top, left, bottom, right of the objects in fractions, [n, 4].
        categories: Their category ids.

    Returns:
        int64 [1917] the category, 0 for none; float32 [1917, 4] the encoded box.
    """
    places = anchors().astype(np.float64)
    classes, codes = np.zeros(len(places), np.int64), np.zeros((len(places), 4), np.float32)
    if not categories:
        return classes, codes
    overlap = _overlaps(places, corners)
    best = overlap.argmax(axis=1)
    matched = overlap.max(axis=1) >= _MATCH
    favourites = overlap.argmax(axis=0)  # every object gets an anchor
    best[favourites], matched[favourites] = np.arange(len(categories)), True
    classes[matched] = np.array(categories)[best[matched]]
    box = corners[best]
    middle, size = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
    shift = (middle - places[:, :2]) / places[:, 2:] * BOX_SCALES[:2]
    codes[:] = np.concatenate([shift, np.log(size / places[:, 2:]) * BOX_SCALES[2:]], axis=1)
    return classes, codes


def _overlaps(places: Any, corners: Any) -> Any:
    """Intersection over union of every anchor with every box, [1917, n]."""
    low, high = places[:, None, :2] - places[:, None, 2:] / 2, places[:, None, :2] + places[:, None, 2:] / 2
    sides = np.clip(np.minimum(high, corners[None, :, 2:]) - np.maximum(low, corners[None, :, :2]), 0, None)
    shared = sides.prod(axis=2)
    areas = places[:, None, 2:].prod(axis=2) + (corners[None, :, 2:] - corners[None, :, :2]).prod(axis=2)
    return shared / (areas - shared)


def loss_of(made: Parameters, wanted: tuple[Any, Any]) -> tuple[Any, str]:
    """Focal loss (Lin et al., arXiv 1708.02002) of the classes, Huber's of the boxes."""
    classes, codes = wanted
    scores = _rows(made, "classes", DETECTION_CLASSES)
    boxes = _rows(made, "boxes", 4)
    truth = functional.one_hot(classes, DETECTION_CLASSES).float()
    truth[..., 0] = 0
    share = torch.sigmoid(scores)
    wrong = share * (1 - truth) + (1 - share) * truth
    weight = (_ALPHA * truth + (1 - _ALPHA) * (1 - truth)) * wrong**_GAMMA
    some = classes > 0
    count = some.sum().clamp(min=1)
    of_classes = (weight * functional.binary_cross_entropy_with_logits(scores, truth, reduction="none")).sum() / count
    of_boxes = functional.smooth_l1_loss(boxes[some], codes[some], reduction="sum") / count
    right = (scores[some].argmax(1) == classes[some]).float().mean().item()
    return of_classes + 0.5 * of_boxes, f"classes {of_classes.item():.3f} boxes {of_boxes.item():.3f} right {right:.3f}"


def _rows(made: Parameters, role: Any, width: int) -> Any:
    """Predictions [batch, 1917, width], in the anchors' order."""
    parts = [made[name].float().permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, width)) for name in predictors(role)]
    return torch.cat(parts, dim=1)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from; another task's gives its backbone")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=1e-3)
    add_machine_options(parser)
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    device = chosen_device(words.device, cuda_is_here=torch.cuda.is_available())
    state = State.new(NETWORK)
    for name in predictors("classes"):
        state.trained[f"{name}/bias"] += _RARE
    if words.start:
        state.adopt(State.load(words.start))
    train(
        NETWORK,
        state,
        scenes(words.batch),
        loss_of,
        steps=words.steps,
        rate=words.rate,
        checkpoint=words.checkpoint,
        device=device,
    )


if __name__ == "__main__":
    main()
