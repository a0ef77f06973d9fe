"""A checkpoint: a folder with config.json and weights, as `save_pretrained` and the Hub have them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError

CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_PICKLED = "pytorch_model.bin"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What lies in the folder."""

    config: Path
    weights: Path
    pickled: bool
    """Whether the weights are a pickle, which could run code when it is read."""


def checkpoint_of(source: str) -> Checkpoint | None:
    """What a path is; None for anything else than a folder with a config.json.

    Raises:
        ConfigError: There are no weights beside it.
    """
    folder = Path(source)
    if not (folder / CONFIG).is_file():
        return None
    if (folder / _WEIGHTS).is_file():
        return Checkpoint(folder / CONFIG, folder / _WEIGHTS, pickled=False)
    if (folder / _PICKLED).is_file():
        return Checkpoint(folder / CONFIG, folder / _PICKLED, pickled=True)
    raise ConfigError(
        f"{folder} is a checkpoint of Hugging Face's (it has a {CONFIG}) without {_WEIGHTS} or {_PICKLED}: put the weights "
        "beside it, in one file"
    )
