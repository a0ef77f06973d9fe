"""Writes frames/inputs and frames/outputs: what the model is fed, and what it should answer, a .npz file a sample.

Yours would come from recordings and from the network that the model was converted from. Here they are random, and the
model's own answers through the Python API.

    ../../../.venv/bin/python make_arrays.py
"""

from pathlib import Path

import numpy as np

from harness.api import open_model

SAMPLES = 8


def main() -> None:
    """Writes the two folders into the current one."""
    for name in ("inputs", "outputs"):
        (Path("frames") / name).mkdir(parents=True, exist_ok=True)
    with open_model(model="lstm") as ask:
        for number in range(SAMPLES):
            frame = ask.random(seed=number)
            np.savez(Path("frames/inputs") / f"{number:03}.npz", **frame)
            np.savez(Path("frames/outputs") / f"{number:03}.npz", **ask(frame))


if __name__ == "__main__":
    main()
