"""What the training scripts run on: their options for it. Needs no PyTorch, so that they can be read without it."""

from __future__ import annotations

import argparse

DEVICES = ("auto", "cpu", "cuda")


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """`--threads` and `--device`."""
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--device", choices=DEVICES, default="auto", help="auto: a GPU where PyTorch has one, else the CPU"
    )


def chosen_device(wanted: str, *, cuda_is_here: bool) -> str:
    """`cpu` or `cuda`.

    Args:
        wanted: One of `DEVICES`.
        cuda_is_here: What `torch.cuda.is_available()` says.

    Raises:
        SystemExit: A GPU was asked for by name, and PyTorch has none.
    """
    if wanted == "auto":
        return "cuda" if cuda_is_here else "cpu"
    if wanted == "cuda" and not cuda_is_here:
        raise SystemExit(
            "--device cuda: this PyTorch sees no GPU. Install one built for CUDA, look at the driver with nvidia-smi, "
            "or leave --device at auto"
        )
    return wanted
