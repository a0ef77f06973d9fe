"""The two files of a Darknet network, found by the name of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.errors import ConfigError

_DARKNET = frozenset({".cfg", ".weights"})


@dataclass(frozen=True, slots=True)
class Darknet:
    """A network of two files."""

    cfg: Path
    weights: Path


def darknet_of(source: str, weights: str | None) -> Darknet | None:
    """The two files of a Darknet network, of which one is named and the other lies beside it; None for another form.

    Raises:
        ConfigError: One of the two is not there, or weights are named for a model that has its own.
    """
    path = Path(source)
    if path.suffix not in _DARKNET:
        if weights is not None:
            raise ConfigError(f"--weights goes with a Darknet .cfg; {source} has its weights in it")
        return None
    cfg = path.with_suffix(".cfg")
    found = Darknet(cfg, Path(weights) if weights else path.with_suffix(".weights"))
    for one, option in ((found.cfg, "name it as IN"), (found.weights, "name it with --weights FILE")):
        if not one.is_file():
            raise ConfigError(f"no file {one}: a Darknet network is a .cfg and a .weights file; {option}")
    return found
