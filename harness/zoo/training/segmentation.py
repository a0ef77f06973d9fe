"""Trains the segmentation stand-in on parts of scenes; `export` takes it to full size."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found,unused-ignore]

from harness.zoo.builtin import ade20k as ade20k_builtin
from harness.zoo.builtin.drawing import Chance
from harness.zoo.standins.networks import deeplabv3
from harness.zoo.training.classification import as_input
from harness.zoo.training.loop import Batch, State, train
from harness.zoo.training.machine import add_machine_options, chosen_device
from harness.zoo.training.torch_network import Parameters
from tasks.pictures.pixels.decoding import decode
from tasks.pictures.published.ade20k import IGNORE, prepare_picture

NETWORK = deeplabv3()
_OUTPUT_STRIDE = 4
"""Pixels to one place of the scores; the enlarged scores meet the small ones there exactly."""


def scenes(side: int, size: int) -> Any:
    """Batches of parts of scenes, new ones at every step.

    Args:
        side: Of the part, in the model's pixels.
        size: Of a batch.
    """

    def batch(step: int) -> Batch:
        pictures, labels = [], []
        for index in range(size):
            chance = Chance(f"ade20k/fit/part/{side}/{step}/{index}")
            large = side + 80
            picture, classes = ade20k_builtin.scene(large, large, chance.between(0.9, 1.1), chance)
            top, left = chance.integer(0, 80), chance.integer(0, 80)
            picture, classes = (
                picture[top : top + side, left : left + side],
                classes[top : top + side, left : left + side],
            )
            if index % 4 == 0:  # the grey margin that the preparation leaves
                cut = chance.integer(side // 2, side)
                picture[cut:], classes[cut:] = 127, IGNORE
            pictures.append(picture)
            labels.append(classes[::_OUTPUT_STRIDE, ::_OUTPUT_STRIDE])
        return as_input(pictures), torch.from_numpy(np.stack(labels).astype(np.int64))

    return batch


def fit_pictures() -> Iterator[Any]:
    """The fit part's pictures as the model takes them."""
    side = NETWORK.side
    for name, picture, _ in ade20k_builtin.pictures("fit"):
        yield as_input([prepare_picture(decode(picture, name), side, side)])


def loss_of(made: Parameters, labels: Any) -> tuple[Any, str]:
    """Cross entropy where a class is known, and the share of pixels that are right."""
    scores = made["logits/semantic"].float()
    known = labels != IGNORE
    right = (scores.argmax(1) == labels)[known].float().mean().item()
    return functional.cross_entropy(scores, labels, ignore_index=IGNORE), f"pixels {right:.3f}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rate", type=float, default=2e-3)
    add_machine_options(parser)
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    device = chosen_device(words.device, cuda_is_here=torch.cuda.is_available())
    state = State.new(NETWORK)
    if words.start:
        state.adopt(State.load(words.start))
    train(
        NETWORK,
        state,
        scenes(words.side, words.batch),
        loss_of,
        steps=words.steps,
        rate=words.rate,
        checkpoint=words.checkpoint,
        device=device,
    )


if __name__ == "__main__":
    main()
