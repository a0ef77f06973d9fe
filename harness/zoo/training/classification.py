"""Trains the classification stand-in on small crops of wallpapers; `export` takes it to full size."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found,unused-ignore]

from harness.zoo.builtin import imagenet as imagenet_builtin
from harness.zoo.builtin.drawing import Chance
from harness.zoo.standins.networks import mobilenet_edgetpu
from harness.zoo.training.loop import Batch, State, train
from harness.zoo.training.machine import add_machine_options, chosen_device
from harness.zoo.training.torch_network import Parameters
from tasks.pictures.pixels.decoding import decode
from tasks.pictures.pixels.preprocess import mobile

NETWORK = mobilenet_edgetpu()
_BATCH = 32
_OFFSET = 1
"""The model's first class is the background."""


def as_input(pictures: Any) -> Any:
    """[batch, height, width, 3] in 0 to 255 as PyTorch takes it, in -1 to 1."""
    return torch.from_numpy(np.asarray(pictures, np.float32).transpose(0, 3, 1, 2) / 127.5 - 1)


def crops(side: int) -> Any:
    """Batches of wallpaper crops of one side, new ones at every step; those of the fit part's seeds only."""

    def batch(step: int) -> Batch:
        pictures, labels = [], []
        for index in range(_BATCH):
            chance = Chance(f"imagenet/fit/crop/{side}/{step}/{index}")
            number = chance.integer(0, len(imagenet_builtin.CLASSES) - 1)
            pictures.append(imagenet_builtin.wallpaper(number, side, side, chance.between(27, 46), chance))
            labels.append(imagenet_builtin.LABELS[number] + _OFFSET)
        return as_input(pictures), torch.tensor(labels)

    return batch


def fit_pictures() -> Iterator[Any]:
    """The fit part's pictures as the model takes them."""
    side = NETWORK.side
    for name, _, data in imagenet_builtin.pictures("fit"):
        yield as_input([mobile(decode(data, name), side, side).astype(np.uint8)])


def loss_of(made: Parameters, labels: Any) -> tuple[Any, str]:
    """Cross entropy, and the share of right answers."""
    scores = made["Logits/Conv2d_1c_1x1"].float().flatten(1)
    right = (scores.argmax(1) == labels).float().mean().item()
    return functional.cross_entropy(scores, labels), f"top-1 {right:.3f}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--start", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--rate", type=float, default=2e-3)
    add_machine_options(parser)
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    device = chosen_device(words.device, cuda_is_here=torch.cuda.is_available())
    state = State.load(words.start) if words.start else State.new(NETWORK)
    train(
        NETWORK,
        state,
        crops(words.side),
        loss_of,
        steps=words.steps,
        rate=words.rate,
        checkpoint=words.checkpoint,
        device=device,
    )


if __name__ == "__main__":
    main()
