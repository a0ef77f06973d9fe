"""Run by the Python of the environment that has PyTorch: the tensors of a pickled checkpoint, as an .npz file.

`python -I pickle_script.py FORM SOURCE MADE ANSWER trusted|safe`. It imports nothing of ours. PyTorch's reader of weights alone
runs no code that the file brings; what it refuses stays refused.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path


def main() -> None:
    """Reads one checkpoint, and says how that went."""
    _, source, made, answer, _ = sys.argv[1:]
    import numpy as np
    import torch  # type: ignore[import-not-found,unused-ignore]

    error = ""
    try:
        stored = torch.load(source, map_location="cpu", weights_only=True)
        stored = stored.get("state_dict", stored)
        floats = {name: values.float().numpy() for name, values in stored.items() if values.is_floating_point()}
        np.savez(made, **floats)
    except Exception as problem:
        lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
        error = f"{type(problem).__name__}: {lines[0] if lines else 'no more is said'}"
    Path(answer).write_text(json.dumps({"error": error, "versions": {"torch": version("torch")}}), encoding="utf-8")


if __name__ == "__main__":
    main()
