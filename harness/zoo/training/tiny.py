"""Fits a tiny stand-in to the fit part of its built-in set and writes the weights that ship. Minutes on two cores.

python -m harness.zoo.training.tiny ic_resnet8 harness/zoo/standins/weights/ic_resnet8.npz
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found,unused-ignore]

from harness.zoo.standins.layer_stack import Network
from harness.zoo.standins.tiny_models import TINY_MODELS
from harness.zoo.training.export import exported
from harness.zoo.training.loop import State
from harness.zoo.training.tiny_data import FIT_DATA, YOLO_ANCHORS
from harness.zoo.training.torch_network import Parameters, forward

_BATCH = 32
_SEEN = 64
"""Samples that ranges are seen on."""
_EPOCHS: Mapping[str, int] = {
    "ic_resnet8": 6,
    "vww_mobilenet_v1": 16,
    "kws_ds_cnn": 25,
    "ad_autoencoder": 20,
    "yolo_person": 40,
    "face_landmark": 30,
    "sww_wake_word": 4,
}
_SIDE = 96
_SHARPER: Mapping[str, float] = {"sww_wake_word": 3.0}
"""What the last layer is multiplied by: a rare class is never sure enough for the threshold of 0.95 by itself."""


def _classes(made: Parameters, wanted: Any, output: str) -> Any:
    return functional.cross_entropy(made[output].flatten(1), wanted)


def _values(made: Parameters, wanted: Any, output: str) -> Any:
    return functional.smooth_l1_loss(made[output].flatten(1), wanted, beta=0.1)


def _boxes(made: Parameters, wanted: Any, _: str) -> Any:
    """Each box asks the one anchor, of all heads, that is most like it, at the place of its centre."""
    anchors = torch.tensor([pair for head in YOLO_ANCHORS.values() for pair in head], dtype=torch.float32) / _SIDE
    shared = torch.minimum(wanted[:, :, None, 2:], anchors).prod(-1)
    union = wanted[:, :, None, 2:].prod(-1) + anchors.prod(-1) - shared
    best = (shared / union).argmax(-1)
    loss: Any = 0
    for place, head in enumerate(YOLO_ANCHORS):
        values = made[head].unflatten(1, (3, 6))
        _, _, _, rows, columns = values.shape
        is_there = torch.zeros(len(values), 3, rows, columns)
        for sample, box in zip(*torch.where((best // 3 == place) & (wanted[..., 2] > 0)), strict=True):
            x, y, width, height = wanted[sample, box]
            anchor = int(best[sample, box]) % 3
            column, row = int(x * columns), int(y * rows)
            is_there[sample, anchor, row, column] = 1
            found = values[sample, anchor, :, row, column]
            target = torch.stack([x * columns - column, y * rows - row])
            size = torch.log(torch.stack([width, height]) / anchors[3 * place + anchor])
            loss = loss + 2 * functional.mse_loss(torch.sigmoid(found[:2]), target) / _BATCH * 4
            loss = loss + functional.mse_loss(found[2:4], size) / _BATCH * 4
        loss = loss + functional.binary_cross_entropy_with_logits(values[:, :, 4], is_there) * 10
        loss = loss + functional.binary_cross_entropy_with_logits(values[:, :, 5], torch.ones_like(is_there)) * 0.1
    return loss


def fit(name: str, epochs: int | None = None) -> tuple[Network, State, Any]:
    """Trains one; gives also the samples that ranges are seen on, [1, channels, height, width] each."""
    model, data = TINY_MODELS[name], FIT_DATA[name]()
    network, output = model.network(), model.outputs[0]
    inputs = torch.from_numpy(np.ascontiguousarray(data.inputs.transpose(0, 3, 1, 2)))
    wanted = torch.from_numpy(data.wanted)
    loss_of = (
        _classes
        if model.is_classifier
        else _boxes
        if len(model.outputs) == 2 and "coarse" in model.outputs
        else _values
    )
    middle = spread = None
    if loss_of is _values:
        middle, spread = wanted.mean(0), wanted.std(0).mean() + 1e-6
        wanted = (wanted - middle) / spread
    state = State.new(network)
    for value in state.trained.values():
        value.requires_grad_()
    optimizer = torch.optim.Adam(state.trained.values(), lr=1e-3)
    generator = torch.Generator().manual_seed(1)
    count = (_EPOCHS[name] if epochs is None else epochs) * (len(inputs) // _BATCH)
    order = torch.empty(0, dtype=torch.long)
    for step in range(count):
        if len(order) < _BATCH:
            order = torch.randperm(len(inputs), generator=generator)
        batch, order = order[:_BATCH], order[_BATCH:]
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1, (step + 1) / 20) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / count)))
        made = forward(network, state.trained, state.running, inputs[batch], training=True)
        loss = loss_of(made, wanted[batch], output)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0 or step == count - 1:
            print(f"{name} step {step} of {count} loss {loss.item():.4f}", flush=True)  # noqa: T201
    state.trained = {key: value.detach() for key, value in state.trained.items()}
    for part in ("weight", "bias"):
        state.trained[f"{output}/{part}"] *= _SHARPER.get(name, 1.0)
    if middle is not None and spread is not None:
        state.trained[f"{output}/weight"] *= spread
        state.trained[f"{output}/bias"] = state.trained[f"{output}/bias"] * spread + middle
    shuffled = torch.randperm(len(inputs), generator=generator)
    for start in range(0, min(len(inputs), 20 * _BATCH) - _BATCH + 1, _BATCH):
        with torch.inference_mode():
            momentum = 1 / (start // _BATCH + 1)
            sample = inputs[shuffled[start : start + _BATCH]]
            forward(network, state.trained, state.running, sample, training=True, momentum=momentum)
    seen = inputs[shuffled[:_SEEN]]
    return network, state, seen.split(1)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=TINY_MODELS)
    parser.add_argument("npz", type=Path)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--threads", type=int, default=2)
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    network, state, seen = fit(words.name, words.epochs)
    np.savez_compressed(words.npz, **exported(network, state, seen))


if __name__ == "__main__":
    main()
