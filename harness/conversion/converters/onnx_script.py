"""Run by the Python of the environment that has onnx2tf: ONNX to float TFLite, channels last.

`python -I onnx_script.py FORM SOURCE MADE ANSWER trusted|safe`. It imports nothing of ours.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path


def main() -> None:
    """Converts one network, and says how that went."""
    _, source, made, answer, _ = sys.argv[1:]
    import numpy as np
    import onnx2tf

    # What it checks itself with: it takes a file of this name here, and else gets one from the network.
    checked = np.random.default_rng(0).uniform(0, 1, (20, 128, 128, 3)).astype(np.float32)
    np.save("calibration_image_sample_data_20x128x128x3_float32.npy", checked)
    error, folder = "", Path("onnx2tf")
    try:
        onnx2tf.convert(input_onnx_file_path=source, output_folder_path=str(folder), non_verbose=True)
        found = sorted(folder.glob("*_float32.tflite"))
        if not found:
            raise ValueError("onnx2tf wrote no float32 file")
        Path(made).write_bytes(found[0].read_bytes())
    except SystemExit as problem:
        error = f"onnx2tf ended with {problem.code}; its own words are in what it printed"
    except ModuleNotFoundError as problem:
        # It has a module an op.
        op = (problem.name or "").removeprefix("onnx2tf.ops.")
        error = f"onnx2tf knows no op {op}, and TFLite has no kernel for it" if op != problem.name else str(problem)
    except Exception as problem:
        lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
        error = f"{type(problem).__name__}: {lines[0] if lines else 'no more is said'}"
    versions = {"onnx2tf": version("onnx2tf")}
    Path(answer).write_text(json.dumps({"error": error, "versions": versions}), encoding="utf-8")


if __name__ == "__main__":
    main()
