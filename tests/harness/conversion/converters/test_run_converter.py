"""Converters as processes of other environments: with one of our own making, and with the real ones where they are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from harness.conversion.converters.forms import Environment, Foreign, foreign_of
from harness.conversion.converters.run_converter import interpreter, run_converter
from harness.errors import ConfigError, RunFailed
from tests.harness.conversion.conftest import Array, ask

ONNX = Foreign(Path("net.onnx"), "onnx", "")


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return tmp_path


def write_environment(prefix: Path, script: str) -> None:
    """One whose Python is a shell script: it is given -I, the script, the form, the source, the file, the answer, the trust."""
    python = prefix / "converters" / "onnx" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    python.chmod(0o755)
    (prefix / "converters" / "onnx" / ".stamp").write_text("", encoding="ascii")


def test_a_converter_that_is_not_here_is_named_with_the_command_that_brings_it(prefix: Path) -> None:
    with pytest.raises(ConfigError, match=r"\./run\.sh install converters onnx"):
        run_converter(ONNX, prefix / "made.tflite", trusted=False)


def test_what_could_run_code_is_refused_until_it_is_trusted(prefix: Path) -> None:
    program = Foreign(Path("net.pt2"), "torch-program", "an exported program of PyTorch holds pickles")
    with pytest.raises(ConfigError, match=r"holds pickles\. If you trust them, say so with --trust-checkpoint"):
        run_converter(program, prefix / "made.tflite", trusted=False)
    # Then it is the environment that lacks.
    with pytest.raises(ConfigError, match="install converters torch"):
        run_converter(program, prefix / "made.tflite", trusted=True)


def test_a_file_and_versions_come_out(prefix: Path) -> None:
    write_environment(prefix, 'echo "$3 $7" > "$5"\necho \'{"error": "", "versions": {"onnx2tf": "1"}}\' > "$6"')
    found = run_converter(ONNX, prefix / "made.tflite", trusted=False)
    assert found.versions == {"onnx2tf": "1"}
    assert (prefix / "made.tflite").read_text() == "onnx safe\n"


def test_what_a_converter_refuses_is_the_users_and_what_breaks_it_is_not(prefix: Path) -> None:
    write_environment(prefix, 'echo \'{"error": "TFLite has no kernel for its ops tf.Foo", "versions": {}}\' > "$6"')
    with pytest.raises(
        ConfigError, match=r"an ONNX model, cannot be converted: TFLite has no kernel for its ops tf\.Foo"
    ):
        run_converter(ONNX, prefix / "made.tflite", trusted=False)
    python = prefix / "converters" / "onnx" / "bin" / "python"
    python.write_text("#!/bin/sh\necho first >&2\necho out of memory >&2\nexit 3\n", encoding="ascii")
    with pytest.raises(RunFailed, match="the converter ended with exit status 3: first; out of memory"):
        run_converter(ONNX, prefix / "made.tflite", trusted=False)
    assert not (prefix / "made.tflite").exists()


WRITE = """\
import sys, numpy as np, tensorflow as tf
form, place = sys.argv[1:]
tf.keras.utils.set_random_seed(1)
layers = tf.keras.layers
shape = layers.Input((8, 8, 3))
model = tf.keras.Sequential([shape, layers.Conv2D(4, 3, activation="relu6"), layers.Flatten(), layers.Dense(5)])
x = np.linspace(-1, 1, 192, dtype=np.float32).reshape(1, 8, 8, 3)
np.save("x.npy", x); np.save("y.npy", model(x).numpy())
if form == "saved":
    model.export(place)
elif form == "frozen":
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2 as frozen
    made = frozen(tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((1, 8, 8, 3))))
    open(place, "wb").write(made.graph.as_graph_def().SerializeToString())
elif form == "foreign":
    class Foreign(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((4, 4))])
        def __call__(self, x): return tf.linalg.det(x)
    tf.saved_model.save(Foreign(), place)
else:
    model.save(place)
"""


def real(environment: Environment) -> Path:
    try:
        return interpreter(environment)
    except ConfigError as error:
        pytest.skip(str(error))


def written(python: Path, words: Sequence[str], folder: Path) -> tuple[Array, Array]:
    """Has a network written by the other environment; what it is asked there, and what it answers."""
    subprocess.run([str(python), "-I", "-c", WRITE, *words], cwd=folder, check=True, capture_output=True)
    return np.load(folder / "x.npy"), np.load(folder / "y.npy")


@pytest.mark.converters
@pytest.mark.parametrize(
    ("form", "name"), [("saved", "saved"), ("keras", "net.keras"), ("keras", "net.h5"), ("frozen", "net.pb")]
)
def test_tensorflows_forms_answer_in_tflite_as_they_do_there(form: str, name: str, tmp_path: Path) -> None:
    inputs, right = written(real("tensorflow"), [form, name], tmp_path)
    foreign = foreign_of(str(tmp_path / name))
    assert foreign is not None
    run_converter(foreign, place := tmp_path / "made.tflite", trusted=False)
    (found,) = ask(place, inputs)
    assert right.std() > 0.01
    np.testing.assert_allclose(found, right, atol=1e-5)


@pytest.mark.converters
def test_ops_without_a_kernel_are_named(tmp_path: Path) -> None:
    written(real("tensorflow"), ["foreign", "foreign"], tmp_path)
    foreign = foreign_of(str(tmp_path / "foreign"))
    assert foreign is not None
    with pytest.raises(ConfigError, match=r"TFLite has no kernel for its ops tf\.MatrixDeterminant"):
        run_converter(foreign, tmp_path / "made.tflite", trusted=False)


WRITE_ONNX = """\
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper
random = np.random.default_rng(1)
weight, bias = random.normal(size=(4, 3, 3, 3)).astype("f4"), random.normal(size=4).astype("f4")
x = random.normal(size=(1, 3, 8, 8)).astype("f4")
padded = np.pad(x[0], ((0, 0), (1, 1), (1, 1)))
windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
y = np.maximum(np.einsum("chwij,ocij->hwo", windows, weight) + bias, 0)[None]
np.save("x.npy", x.transpose(0, 2, 3, 1)); np.save("y.npy", y)
ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, 8, 8]) for n, c in (("x", 3), ("y", 4))]
nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1] * 4), helper.make_node("Relu", ["c"], ["y"])]
stored = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], stored)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.save(model, "net.onnx")
"""


WRITE_STRANGE = {
    "onnx": """\
import onnx
from onnx import TensorProto, helper
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, 4]) for name in "xy"]
node = helper.make_node("Strange", ["x"], ["y"], domain="of.ours")
opsets = [helper.make_opsetid("", 17), helper.make_opsetid("of.ours", 1)]
model = helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:]), opset_imports=opsets)
model.ir_version = 8
onnx.save(model, "net.onnx")
""",
    "torch": """\
import torch
class Determinant(torch.nn.Module):
    def forward(self, x):
        return torch.linalg.det(x)
torch.export.save(torch.export.export(Determinant(), (torch.zeros(2, 4, 4),)), "net.pt2")
""",
}


@pytest.mark.converters
@pytest.mark.parametrize(
    ("environment", "name", "said"),
    [
        ("onnx", "net.onnx", "onnx2tf knows no op Strange"),
        ("torch", "net.pt2", r"no kernel for its op aten\._linalg_det"),
    ],
)
def test_an_op_that_a_converter_does_not_know_is_named(
    environment: Environment, name: str, said: str, tmp_path: Path
) -> None:
    script = WRITE_STRANGE[environment]
    subprocess.run([str(real(environment)), "-I", "-c", script], cwd=tmp_path, check=True, capture_output=True)
    foreign = foreign_of(str(tmp_path / name))
    assert foreign is not None
    with pytest.raises(ConfigError, match=said):
        run_converter(foreign, tmp_path / "made.tflite", trusted=True)


WRITE_TORCH = """\
import numpy as np, torch
torch.manual_seed(1)
layers = torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU6(), torch.nn.Flatten(), torch.nn.Linear(4 * 6 * 6, 5)
model = torch.nn.Sequential(*layers).eval()
x = torch.linspace(-1, 1, 192).reshape(1, 3, 8, 8)
torch.export.save(torch.export.export(model, (x,)), "net.pt2")
np.save("x.npy", x.numpy())
np.save("y.npy", model(x).detach().numpy())
"""


@pytest.mark.converters
def test_an_exported_program_answers_in_tflite_as_it_does_in_pytorch(tmp_path: Path) -> None:
    subprocess.run([str(real("torch")), "-I", "-c", WRITE_TORCH], cwd=tmp_path, check=True, capture_output=True)
    foreign = foreign_of(str(tmp_path / "net.pt2"))
    assert foreign is not None
    run_converter(foreign, place := tmp_path / "made.tflite", trusted=True)
    (found,) = ask(place, np.load(tmp_path / "x.npy"))
    right = np.load(tmp_path / "y.npy")
    assert right.std() > 0.01
    np.testing.assert_allclose(found, right, atol=1e-5)


@pytest.mark.converters
def test_an_onnx_model_answers_as_its_definition_says_channels_last(tmp_path: Path) -> None:
    python = real("onnx")
    subprocess.run([str(python), "-I", "-c", WRITE_ONNX], cwd=tmp_path, check=True, capture_output=True)
    foreign = foreign_of(str(tmp_path / "net.onnx"))
    assert foreign is not None
    run_converter(foreign, place := tmp_path / "made.tflite", trusted=False)
    (found,) = ask(place, np.load(tmp_path / "x.npy"))
    np.testing.assert_allclose(found, np.load(tmp_path / "y.npy"), atol=1e-5)
