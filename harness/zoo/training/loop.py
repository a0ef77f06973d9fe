"""The optimiser's loop, the same for every task: Adam, warm-up, cosine decay, bfloat16 products, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch  # type: ignore[import-not-found,unused-ignore]

from harness.whole_file import replacing
from harness.zoo.standins.layer_stack import Network
from harness.zoo.training.torch_network import Parameters, forward, initial

_WARM_UP = 30
_REPORT_EVERY = 25


@dataclass(slots=True)
class State:
    """What training changes."""

    trained: Parameters
    running: Parameters

    @classmethod
    def new(cls, network: Network, seed: int = 1) -> State:
        """Before the first step."""
        return cls(*initial(network, seed))

    @classmethod
    def load(cls, path: Path) -> State:
        """From a checkpoint."""
        return cls(**torch.load(path, weights_only=True, map_location="cpu"))

    def save(self, path: Path) -> None:
        """As a checkpoint, written whole or not at all."""
        parts = {"trained": self.trained, "running": self.running}
        with replacing(path) as file:
            torch.save({part: {k: v.detach().cpu() for k, v in values.items()} for part, values in parts.items()}, file)

    def to(self, device: str) -> None:
        """Moves it."""
        self.trained = {name: value.to(device) for name, value in self.trained.items()}
        self.running = {name: value.to(device) for name, value in self.running.items()}

    def adopt(self, other: State) -> None:
        """Takes over what fits by name and shape: a backbone trained for another task."""
        for mine, theirs in ((self.trained, other.trained), (self.running, other.running)):
            mine |= {name: value for name, value in theirs.items() if name in mine and mine[name].shape == value.shape}


Batch = tuple[Any, Any]
"""Pictures float32 [batch, 3, height, width] in -1 to 1, and whatever the loss compares with."""


def train(
    network: Network,
    state: State,
    batches: Callable[[int], Batch],
    loss_of: Callable[[Parameters, Any], tuple[Any, str]],
    *,
    steps: int,
    rate: float,
    checkpoint: Path,
    device: str,
) -> None:
    """Trains in place.

    Args:
        network: What is trained.
        state: Changed.
        batches: Gives the batch of a step.
        loss_of: The loss, of all that the network made and of the batch's second part, and a word on it for the log.
        steps: How many.
        rate: The highest learning rate.
        checkpoint: Written every 25 steps, for any device.
        device: `cpu` or `cuda`; the state stays there.
    """
    state.to(device)
    for name, value in state.trained.items():
        layout = torch.channels_last if value.dim() == 4 else torch.contiguous_format
        state.trained[name] = value.detach().contiguous(memory_format=layout).requires_grad_()
    optimizer = torch.optim.Adam(state.trained.values(), lr=rate)
    began = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / _WARM_UP) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))
        pictures, wanted = (_moved(part, device) for part in batches(step))
        with torch.autocast(device, torch.bfloat16):
            made = forward(
                network,
                state.trained,
                state.running,
                pictures.contiguous(memory_format=torch.channels_last),
                training=True,
            )
        loss, words = loss_of(made, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % _REPORT_EVERY == 0 or step == steps - 1:
            state.save(checkpoint)
            print(f"step {step} loss {loss.item():.3f} {words} {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201


def _moved(part: Any, device: str) -> Any:
    """A tensor or a tuple of them."""
    return tuple(each.to(device) for each in part) if isinstance(part, tuple) else part.to(device)
