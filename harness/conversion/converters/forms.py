"""In which form a network is, told by its file or folder, and which converter knows it."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from accuracy.outside.zip_lists import open_zip
from harness.errors import ConfigError

Environment = Literal["tensorflow", "torch", "onnx"]
Form = Literal["saved-model", "keras", "frozen-graph", "onnx", "torch-program"]
_BY_SUFFIX: dict[str, Form] = {
    ".h5": "keras",
    ".hdf5": "keras",
    ".keras": "keras",
    ".pb": "frozen-graph",
    ".onnx": "onnx",
    ".pt2": "torch-program",
}
_WORDS: dict[Form, str] = {
    "saved-model": "a SavedModel",
    "keras": "a Keras model",
    "frozen-graph": "a frozen graph of TensorFlow",
    "onnx": "an ONNX model",
    "torch-program": "an exported program of PyTorch",
}
_ENVIRONMENTS: dict[Form, Environment] = {
    "saved-model": "tensorflow",
    "keras": "tensorflow",
    "frozen-graph": "tensorflow",
    "onnx": "onnx",
    "torch-program": "torch",
}
_PICKLES = frozenset({".pt", ".pth", ".ckpt", ".pkl", ".pickle"})
_LAMBDA = re.compile(rb'"class_name"\s*:\s*"Lambda"|\\u00[2-7]')
"""Of a Keras layer that is Python's bytecode; or of a letter that is written as a number, as only who hides one writes it."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A network that a converter has to read."""

    path: Path
    form: Form
    may_run_code: str
    """Why reading it may run code that it brings; empty where it may not."""

    @property
    def words(self) -> str:
        """What it is, for people."""
        return _WORDS[self.form]

    @property
    def environment(self) -> Environment:
        """The converter's."""
        return _ENVIRONMENTS[self.form]


def foreign_of(source: str) -> Foreign | None:
    """What a path is; None for a .tflite file, a name, and whatever else is not one of these forms.

    Raises:
        ConfigError: The path is not there, or holds weights without a network.
    """
    path = Path(source)
    if path.is_dir():
        return _folder(path)
    if path.suffix in _PICKLES:
        raise ConfigError(
            f"{path} holds weights, pickled, and no network that could be converted (a pickle also runs code when it is read): "
            "save the network with torch.export.save(torch.export.export(model, inputs), 'model.pt2')"
        )
    form = _BY_SUFFIX.get(path.suffix.lower())
    if form is None:
        return None
    if not path.is_file():
        raise ConfigError(f"no file at {path}")
    return Foreign(path, form, _why_unsafe(path, form))


def _folder(path: Path) -> Foreign:
    if (path / "saved_model.pb").is_file():
        return Foreign(path, "saved-model", "")
    raise ConfigError(
        f"{path} is a folder without a saved_model.pb, which a SavedModel has, and without the config.json of a checkpoint of "
        "Hugging Face's"
    )


def _why_unsafe(path: Path, form: Form) -> str:
    if form == "torch-program":
        return "an exported program of PyTorch holds pickles"
    if form != "keras":
        return ""
    try:
        if zipfile.is_zipfile(path):
            with open_zip(path) as archive:
                data = archive.read("config.json")
        else:
            data = path.read_bytes()
    except (OSError, KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ConfigError(f"{path} is no Keras model that can be read: {error}") from None
    return "it has a Lambda layer, which is Python's bytecode" if _LAMBDA.search(data) else ""
