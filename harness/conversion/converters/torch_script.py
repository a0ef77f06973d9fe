"""Run by the Python of the environment that has litert-torch: exported programs of PyTorch to float TFLite.

`python -I torch_script.py FORM SOURCE MADE ANSWER trusted|safe`. It imports nothing of ours.
"""

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path


def main() -> None:
    """Converts one network, and says how that went."""
    _, source, made, answer, _ = sys.argv[1:]
    import litert_torch
    import torch  # type: ignore[import-not-found,unused-ignore]

    error = ""
    try:
        program = torch.export.load(source)
        inputs = program.example_inputs
        if inputs is None:
            raise ValueError("the program was saved without example inputs, which say its shapes")
        litert_torch.convert(program.module(), *inputs).export(made)
    except Exception as problem:
        if found := re.search(r"Lowering not found: ([\w.]+)", str(problem)):
            problem = NotImplementedError(f"TFLite has no kernel for its op {found[1]}")
        lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
        error = f"{type(problem).__name__}: {lines[0] if lines else 'no more is said'}"
    versions = {name: version(name) for name in ("torch", "litert-torch")}
    Path(answer).write_text(json.dumps({"error": error, "versions": versions}), encoding="utf-8")


if __name__ == "__main__":
    main()
