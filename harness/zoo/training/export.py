"""From a checkpoint to the weights that ship: batch normalisation folded, int8 a channel, ranges seen on the fit part."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]

from harness.zoo.standins.layer_stack import Conv, Network
from harness.zoo.training import classification, detection, segmentation
from harness.zoo.training.loop import State
from harness.zoo.training.machine import add_machine_options, chosen_device
from harness.zoo.training.torch_network import Parameters, fold, forward, to_tflite_layout

_PICTURES = 32
"""To see ranges."""
_TO_SETTLE = 160
_BATCH = 16
_LEAST_SCALE = 1e-8
"""Of a channel whose weights are all 0; kernels refuse a scale of 0."""


def settle(network: Network, state: State, pictures: Iterable[Any], device: str) -> None:
    """Takes batch normalisation's statistics anew, at full size: after small crops they are what is most wrong.

    Args:
        network: What was trained.
        state: Its running statistics become the mean over the batches.
        pictures: Of the fit part, float32 [1, 3, side, side] in -1 to 1.
        device: Where to compute; the state comes back to the CPU.
    """
    state.to(device)
    waiting = list(pictures)
    for number, start in enumerate(range(0, len(waiting), _BATCH)):
        batch = torch.cat(waiting[start : start + _BATCH]).to(device)
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
            batch = batch.contiguous(memory_format=torch.channels_last)
            forward(network, state.trained, state.running, batch, training=True, momentum=1 / (number + 1))
    state.to("cpu")


def exported(network: Network, state: State, pictures: Iterable[Any]) -> dict[str, Any]:
    """The arrays that harness.zoo.standins.picture_models reads.

    Args:
        network: What was trained.
        state: Its parameters.
        pictures: Of the fit part, float32 [1, 3, side, side] in -1 to 1, to see what range every node gives.
    """
    folded = fold(network, state.trained, state.running)
    arrays: dict[str, Any] = {}
    rounded: Parameters = {}
    for node in network.convolutions:
        weight = folded[f"{node.name}/weight"]
        scale = torch.clamp(weight.abs().amax(dim=(1, 2, 3)) / 127, min=_LEAST_SCALE)
        whole = torch.round(weight / scale[:, None, None, None])
        arrays[f"{node.name}/weight"] = _layout(node, whole)
        arrays[f"{node.name}/scale"] = scale.numpy()
        arrays[f"{node.name}/bias"] = folded[f"{node.name}/bias"].numpy()
        rounded[f"{node.name}/weight"] = whole * scale[:, None, None, None]
        rounded[f"{node.name}/bias"] = folded[f"{node.name}/bias"]
    ranges: dict[str, Any] = {}
    for picture in pictures:
        with torch.inference_mode():
            made = forward(network, rounded, {}, picture, training=False)
        for name in (each.name for each in network.nodes):
            low, high = (float(value) for value in made[name].aminmax())
            known_low, known_high = ranges.get(name, (low, high))
            ranges[name] = min(low, known_low), max(high, known_high)
    return arrays | {f"{name}/range": np.array(pair, np.float32) for name, pair in ranges.items()}


def _layout(node: Conv, whole: Any) -> Any:
    return to_tflite_layout(node, whole).astype(np.int8)


_TASKS = {"mobilenet_edgetpu": classification, "deeplabv3": segmentation, "ssd_mobilenet_v2": detection}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=_TASKS)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("npz", type=Path)
    add_machine_options(parser)
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    device = chosen_device(words.device, cuda_is_here=torch.cuda.is_available())
    task = _TASKS[words.name]
    network = task.NETWORK
    pictures = list(islice(task.fit_pictures(), _TO_SETTLE))
    state = State.load(words.checkpoint)
    settle(network, state, pictures, device)
    np.savez_compressed(words.npz, **exported(network, state, pictures[:_PICTURES]))


if __name__ == "__main__":
    main()
