"""Fixtures for all tests: small real models and data, made here, and the command line as a process of its own."""

from __future__ import annotations

import itertools
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, settings
from PIL import Image

from accuracy.answers.spans import Window
from accuracy.answers.squad_text import basic_tokens
from accuracy.records.tfrecord import crc32c, masked
from accuracy.truth.squad import read_truth
from backends.litert.file.custom_ops import EDGETPU_OP
from harness.cli import main
from harness.machine import child_process, stop_signals
from harness.zoo.graph import layers
from harness.zoo.graph.tensors import GraphTensor, Quantization
from harness.zoo.graph.writer import Graph
from tasks.question_answering import QuestionAnswering
from tests.shared_library import shared_library
from tests.warm_processes import Nursery

REPOSITORY = Path(__file__).resolve().parents[1]
Array = npt.NDArray[Any]
Result = dict[str, Any]
Process = subprocess.CompletedProcess[str]

# A machine may be as busy as it likes: what is slow there is no failure. And every run tries the same examples: what only few
# would find is looked for by `--hypothesis-profile "other examples"`, and hits nobody who changes something else.
settings.register_profile(
    "other examples", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=False
)
settings.register_profile("any machine", settings.get_profile("other examples"), derandomize=True)
settings.load_profile("any machine")

KEYWORDS, FEATURES = 12, 490
KEYWORD_FILES = 40
PICTURE_SIDE = 32
TINTS_PER_CHANNEL = 10


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Spreads whole folders over all cores, where nothing else was said; files and single tests start no workers.

    `--dist worksteal` gives each worker a run of neighbours, which share what their module makes, and lets the first to end
    take from the others.
    """
    spread = (
        config.pluginmanager.hasplugin("xdist")
        and not hasattr(config, "workerinput")
        and config.option.numprocesses is None
        and not config.option.usepdb
        and not config.option.collectonly
        and not config.option.keyword
        and all(Path(word).is_dir() for word in config.args)
        and len(os.sched_getaffinity(0)) > 1
    )
    if spread:
        config.option.numprocesses = "logical"
        if config.option.dist == "no":
            config.option.dist = "worksteal"


_LONG = (
    "tests/harness/remote",
    "tests/harness/fleet",
    "tests/faults",
    "tests/backends/test_gpu_tasks.py",
    "tests/harness/profiling/test_every_zoo_model.py",
    "tests/harness/zoo/standins",
    "tests/harness/test_packaging.py",
    "tests/harness/html_report",
    "tests/test_documented_commands.py",
)
"""What takes longest and cannot be shared among workers: a board, a browser, models of the zoo's size."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that all workers end with short ones; neighbours stay neighbours."""
    places = [REPOSITORY / place for place in _LONG]

    def rank(item: pytest.Item) -> int:
        return next((at for at, place in enumerate(places) if item.path.is_relative_to(place)), len(places))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run of the tests have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def zoo() -> Path:
    """The folder of real models and data, which are not in the repository."""
    default = REPOSITORY / ".." / "shared" / "zoo"
    folder = Path(os.environ.get("TFLITE_LOADGEN_ZOO", default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real models and data at {folder}: name their folder with TFLITE_LOADGEN_ZOO")
    return folder


def keyword_templates() -> Array:
    """One int8 pattern of +1 and -1 for each of the 12 words, [12, 490]."""
    return np.random.default_rng(12).choice(np.array([-1, 1], np.int8), (KEYWORDS, FEATURES))


@pytest.fixture(scope="session")
def keyword_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """int8 [1, 49, 10, 1] -> int8 [1, 12]: how well the features agree with each word's pattern. One sample at a time."""
    return write_keyword_model(tmp_path_factory.mktemp("models") / "keywords.tflite")


def write_keyword_model(path: Path) -> Path:
    """See `keyword_model`."""
    return _write(_keyword_graph(reshape=True), path)


@pytest.fixture(scope="session")
def flexible_keyword_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `keyword_model`, without its reshape to one row: it takes as many samples as it is given."""
    return _write(_keyword_graph(reshape=False), tmp_path_factory.mktemp("models") / "flexible.tflite")


def _keyword_graph(*, reshape: bool) -> Graph:
    graph = Graph("keyword patterns")
    # The features' own quantisation, so that files are fed as they are.
    quantization = Quantization.per_tensor(0.5847029089927673, 83)
    flat = features = graph.input("features", (1, 49, 10, 1), np.int8, quantization)
    if reshape:
        flat = graph.tensor("flat", (1, FEATURES), np.int8, quantization)
        shape = graph.constant("flat/shape", np.array([1, FEATURES], np.int32))
        graph.operator("RESHAPE", [features, shape], [flat], schema.ReshapeOptionsT(newShape=[1, FEATURES]))
    weight = graph.constant("patterns", keyword_templates(), Quantization.per_tensor(1.0))
    bias = graph.constant("bias", np.zeros(KEYWORDS, np.int32), Quantization.per_tensor(0.5847029089927673))
    scores = graph.tensor("scores", (1, KEYWORDS), np.int8, Quantization.per_tensor(150.0))
    graph.operator("FULLY_CONNECTED", [flat, weight, bias], [scores], schema.FullyConnectedOptionsT())
    graph.output(scores)
    return graph


@pytest.fixture(scope="session")
def recurrent_keyword_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """int8 [1, 49, 10, 1] -> float [1, 12], by a recurrent layer whose state lives on from run to run."""
    rng = np.random.default_rng(49)
    graph = Graph("recurrent keywords")
    features = graph.input("features", (1, 49, 10, 1), np.int8, Quantization.per_tensor(0.5847029089927673, 83))
    real = graph.tensor("real", (1, 49, 10, 1), np.float32)
    graph.operator("DEQUANTIZE", [features], [real])
    rows = graph.tensor("rows", (1, 49, 10), np.float32)
    graph.operator("RESHAPE", [real, graph.constant("rows/shape", np.array([1, 49, 10], np.int32))], [rows])
    weights = [
        graph.constant(name, (scale * rng.standard_normal(shape)).astype(np.float32))
        for name, shape, scale in (("in", (16, 10), 0.02), ("again", (16, 16), 0.3), ("bias", (16,), 0.1))
    ]
    state, steps = graph.variable("state", (1, 16), np.float32), graph.tensor("steps", (1, 49, 16), np.float32)
    tanh = schema.ActivationFunctionType.TANH
    options = schema.SequenceRNNOptionsT(fusedActivationFunction=tanh)
    graph.operator("UNIDIRECTIONAL_SEQUENCE_RNN", [rows, *weights, state], [steps], options)
    flat, scores = graph.tensor("flat", (1, 49 * 16), np.float32), graph.tensor("scores", (1, KEYWORDS), np.float32)
    graph.operator("RESHAPE", [steps, graph.constant("flat/shape", np.array([1, 49 * 16], np.int32))], [flat])
    read = graph.constant("read", rng.standard_normal((KEYWORDS, 49 * 16)).astype(np.float32))
    graph.operator("FULLY_CONNECTED", [flat, read, None], [scores], schema.FullyConnectedOptionsT())
    graph.output(scores)
    return _write(graph, tmp_path_factory.mktemp("models") / "recurrent.tflite")


@pytest.fixture(scope="session")
def counting_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float [2] -> float [2]: adds up all it was ever given, in a resource variable that its first run sets to 0."""
    floats, handle = schema.TensorType.FLOAT32, schema.TensorType.RESOURCE
    variable = schema.VarHandleOptionsT(container="", sharedName="sum")
    names = ("VAR_HANDLE", "READ_VARIABLE", "ADD", "ASSIGN_VARIABLE", "CALL_ONCE")
    codes = [getattr(schema.BuiltinOperator, name) for name in names]

    def tensor(name: str, shape: Sequence[int], kind: int, buffer: int = 0) -> Any:
        return schema.TensorT(name=name, shape=shape, type=kind, buffer=buffer)

    def operator(code: str, inputs: Sequence[int], outputs: Sequence[int], options: Any) -> Any:
        kind = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
        at = names.index(code)
        return schema.OperatorT(
            opcodeIndex=at, inputs=inputs, outputs=outputs, builtinOptions=options, builtinOptionsType=kind
        )

    main = schema.SubGraphT(
        name="main",
        tensors=[
            tensor("x", [2], floats),
            tensor("sum", [], handle),
            *(tensor(t, [2], floats) for t in ("old", "new")),
        ],
        operators=[
            operator("CALL_ONCE", [], [], schema.CallOnceOptionsT(initSubgraphIndex=1)),
            operator("VAR_HANDLE", [], [1], variable),
            operator("READ_VARIABLE", [1], [2], schema.ReadVariableOptionsT()),
            operator("ADD", [2, 0], [3], schema.AddOptionsT()),
            operator("ASSIGN_VARIABLE", [1, 3], [], schema.AssignVariableOptionsT()),
        ],
        inputs=[0],
        outputs=[3],
    )
    first = schema.SubGraphT(
        name="first",
        tensors=[tensor("sum", [], handle), tensor("zero", [2], floats, 1)],
        operators=[
            operator("VAR_HANDLE", [], [0], variable),
            operator("ASSIGN_VARIABLE", [0, 1], [], schema.AssignVariableOptionsT()),
        ],
        inputs=[],
        outputs=[],
    )
    zero = schema.BufferT(data=np.zeros(8, np.uint8))
    made = schema.ModelT(
        version=3,
        operatorCodes=[
            schema.OperatorCodeT(deprecatedBuiltinCode=min(c, 127), builtinCode=c, version=1) for c in codes
        ],
        subgraphs=[main, first],
        buffers=[schema.BufferT(), zero],
    )
    return _write_model(made, tmp_path_factory.mktemp("models") / "counting.tflite")


@pytest.fixture(scope="session")
def join_models() -> Callable[..., Path]:
    """Writes several models of one graph each into one file, as one signature each: `join(path, [(key, model), ...])`."""

    def join(path: Path, parts: Sequence[tuple[str, Path]]) -> Path:
        whole = schema.ModelT(
            version=3,
            operatorCodes=[],
            subgraphs=[],
            buffers=[schema.BufferT()],
            signatureDefs=[],
            description="joined",
        )
        for number, (key, model) in enumerate(parts):
            part = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model.read_bytes(), 0))
            (graph,), (signature,) = part.subgraphs, part.signatureDefs
            for tensor in graph.tensors:
                tensor.buffer += len(whole.buffers) - 1 if tensor.buffer else 0
            for operator in graph.operators:
                operator.opcodeIndex += len(whole.operatorCodes)
            signature.signatureKey, signature.subgraphIndex = key, number
            whole.buffers += part.buffers[1:]
            whole.operatorCodes += part.operatorCodes
            whole.subgraphs.append(graph)
            whole.signatureDefs.append(signature)
        return _write_model(whole, path)

    return join


@pytest.fixture(scope="session")
def write_model() -> Callable[..., Path]:
    """Writes a model of any types, op by op: `write(path, tensors, ops, inputs, outputs)`.

    Tensors are (name, shape, type) with -1 for a size that is left open, ops (name, inputs, outputs) without options, by place.
    """

    def write(
        path: Path,
        tensors: Sequence[tuple[str, Sequence[int], str]],
        ops: Sequence[tuple[str, Sequence[int], Sequence[int]]],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> Path:
        codes = [getattr(schema.BuiltinOperator, name) for name, _, _ in ops]
        graph = schema.SubGraphT(
            name="main",
            tensors=[
                schema.TensorT(
                    name=name,
                    shape=[abs(size) for size in shape],
                    shapeSignature=list(shape) if min(shape, default=1) < 0 else None,
                    type=getattr(schema.TensorType, kind),
                    buffer=0,
                )
                for name, shape, kind in tensors
            ],
            operators=[
                schema.OperatorT(opcodeIndex=place, inputs=list(given), outputs=list(made))
                for place, (_, given, made) in enumerate(ops)
            ],
            inputs=list(inputs),
            outputs=list(outputs),
        )
        known = [
            schema.OperatorCodeT(deprecatedBuiltinCode=min(code, 127), builtinCode=code, version=1) for code in codes
        ]
        made = schema.ModelT(version=3, operatorCodes=known, subgraphs=[graph], buffers=[schema.BufferT()])
        return _write_model(made, path)

    return write


def _write_model(model: Any, path: Path) -> Path:
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


@pytest.fixture(scope="session")
def keyword_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 feature files with labels, of which every fifth is wrong: the model's top-1 is 0.8."""
    folder = tmp_path_factory.mktemp("data") / "keywords"
    write_keyword_data(folder, KEYWORD_FILES)
    return folder


def write_keyword_data(folder: Path, count: int) -> None:
    """See `keyword_data`."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    templates = keyword_templates().astype(np.int64)
    lines = []
    for number in range(count):
        word = number % KEYWORDS
        # Centred on the zero point, as far as int8 allows; the noise leaves no doubt.
        features = np.clip(70 + 30 * templates[word] + rng.integers(-20, 21, FEATURES), -128, 127)
        name = f"sample_{number:04}.bin"
        (folder / name).write_bytes(features.astype(np.int8).tobytes())
        label = (word + 1) % KEYWORDS if number % 5 == 4 else word
        lines.append(f"{name}, {KEYWORDS}, {label}\n")
    (folder / "y_labels.csv").write_text("".join(lines), encoding="ascii")


@pytest.fixture(scope="session")
def make_keyword_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Writes a set of so many keywords, for a test that changes it or needs another size."""

    def make(count: int) -> Path:
        folder = tmp_path_factory.mktemp("data") / "keywords"
        write_keyword_data(folder, count)
        return folder

    return make


def tints() -> Array:
    """1,000 colours (0 to 255), 10 steps a channel, [1000, 3] float32: class i is the colour i."""
    steps = 15 + 25 * np.arange(TINTS_PER_CHANNEL)
    return np.array(list(itertools.product(steps, repeat=3)), np.float32)


@pytest.fixture(scope="session")
def picture_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 [1, 32, 32, 3] -> [1, 1001]: which colour is nearest to the picture's mean; class 0 is the background."""
    return _write_picture_model(tmp_path_factory.mktemp("models") / "tints.tflite", PICTURE_SIDE)


@pytest.fixture
def large_picture_model(tmp_path: Path) -> Path:
    """As `picture_model` for pictures of 512x512: a sample takes 3.1 MB."""
    return _write_picture_model(tmp_path / "large_tints.tflite", 512)


def _write_picture_model(path: Path, side: int) -> Path:
    graph = Graph("nearest colour")
    picture = graph.input("picture", (1, side, side, 3), np.float32)
    mean = graph.tensor("mean", (1, 1, 1, 3), np.float32)
    pool = schema.Pool2DOptionsT(
        padding=schema.Padding.VALID,
        strideW=1,
        strideH=1,
        filterWidth=side,
        filterHeight=side,
    )
    graph.operator("AVERAGE_POOL_2D", [picture], [mean], pool)
    colours = (tints() - 127.5) / 127.5
    weight = np.zeros((1001, 3), np.float32)
    bias = np.full(1001, -100, np.float32)
    weight[1:], bias[1:] = 2 * colours, -np.square(colours).sum(axis=1)
    flat = layers.reshape(graph, "flat", mean, (1, 3))
    scores = layers.fully_connected(
        graph, "scores", flat, graph.constant("colours", weight), graph.constant("bias", bias)
    )
    graph.output(scores)
    return _write(graph, path)


def _add(graph: Graph, name: str, left: GraphTensor, right: GraphTensor, op: str = "ADD") -> GraphTensor:
    """left + right."""
    total = graph.tensor(name, left.shape, np.float32)
    graph.operator(op, [left, right], [total], *([schema.AddOptionsT()] if op == "ADD" else []))
    return total


@pytest.fixture(scope="session")
def adds_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 [1, 32, 32, 3] -> [1, 1001] in 5 ops, of which the first and the last are ADDs."""
    return _write_adds(tmp_path_factory.mktemp("models") / "adds.tflite", "ADD")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 [1, 8, 6, 3] -> CONV_2D 4 of 3x3 -> DEPTHWISE_CONV_2D 5x5 -> ADD to itself."""
    graph = Graph("small")
    picture = graph.input("picture", (1, 8, 6, 3), np.float32)
    kernel = graph.constant("kernel", np.ones((4, 3, 3, 3), np.float32))
    bias = graph.constant("bias", np.zeros(4, np.float32))
    first = graph.tensor("first", (1, 8, 6, 4), np.float32)
    options = schema.Conv2DOptionsT(padding=schema.Padding.SAME, strideW=1, strideH=1)
    graph.operator("CONV_2D", [picture, kernel, bias], [first], options)
    depth = graph.constant("depth", np.ones((1, 5, 5, 4), np.float32))
    second = graph.tensor("second", (1, 8, 6, 4), np.float32)
    depthwise = schema.DepthwiseConv2DOptionsT(
        padding=schema.Padding.SAME, strideW=1, strideH=1, depthMultiplier=1, dilationWFactor=1, dilationHFactor=1
    )
    graph.operator("DEPTHWISE_CONV_2D", [first, depth, bias], [second], depthwise)
    third = graph.tensor("third", (1, 8, 6, 4), np.float32)
    graph.operator("ADD", [second, second], [third], schema.AddOptionsT())
    graph.output(third)
    return _write(graph, tmp_path_factory.mktemp("small") / "small.tflite")


@pytest.fixture(scope="session")
def logarithms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """float32 [1, 500] -> the same, NaN for what is below 0."""
    graph = Graph("logarithms")
    x = graph.input("x", (1, 500), np.float32)
    made = graph.tensor("logarithms", (1, 500), np.float32)
    graph.operator("LOG", [x], [made])
    graph.output(made)
    return _write(graph, tmp_path_factory.mktemp("models") / "logarithms.tflite")


@pytest.fixture(scope="session")
def edgetpu_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with custom ops in place of the ADDs: nothing but the test delegate runs it."""
    return _write_adds(tmp_path_factory.mktemp("models") / "adds_edgetpu.tflite", EDGETPU_OP)


def _write_adds(path: Path, op: str) -> Path:
    rng = np.random.default_rng(5)
    graph = Graph("adds")
    picture = graph.input("picture", (1, PICTURE_SIDE, PICTURE_SIDE, 3), np.float32)
    tint = graph.constant("tint", np.array([0.1, -0.2, 0.3], np.float32))
    mean = graph.tensor("mean", (1, 1, 1, 3), np.float32)
    pool = schema.Pool2DOptionsT(
        padding=schema.Padding.VALID, strideW=1, strideH=1, filterWidth=PICTURE_SIDE, filterHeight=PICTURE_SIDE
    )
    graph.operator("AVERAGE_POOL_2D", [_add(graph, "tinted", picture, tint, op)], [mean], pool)
    flat = layers.reshape(graph, "flat", mean, (1, 3))
    weight = graph.constant("weight", rng.normal(size=(1001, 3)).astype(np.float32))
    zero = graph.constant("zero", np.zeros(1001, np.float32))
    scores = layers.fully_connected(graph, "products", flat, weight, zero)
    bias = graph.constant("bias", rng.normal(size=1001).astype(np.float32))
    graph.output(_add(graph, "scores", scores, bias, op))
    with path.open("wb") as file:
        graph.write(file)
    return path


@pytest.fixture(scope="session")
def classify(adds_model: Path, picture_data: Path, short: list[str]) -> list[str]:
    """The words of a short run of the model with ADDs."""
    return ["--task", "mobilenet_edgetpu", "--model", str(adds_model), "--dataset", str(picture_data), *short]


@pytest.fixture(scope="session")
def make_picture_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Writes a folder of so many plain JPEGs of 48x40 and labels.csv, of which every fourth is wrong."""

    def make(count: int) -> Path:
        folder = tmp_path_factory.mktemp("data") / "tints"
        folder.mkdir()
        lines = ["file,label\n"]
        for number in range(count):
            tint = 37 * number % 1000
            name = f"picture_{number:04}.jpg"
            colour = tuple(int(value) for value in tints()[tint])
            Image.new("RGB", (48, 40), colour).save(folder / name, quality=95)
            lines.append(f"{name},{(tint + 1) % 1000 if number % 4 == 3 else tint}\n")
        (folder / "labels.csv").write_text("".join(lines), encoding="ascii")
        return folder

    return make


@pytest.fixture(scope="session")
def write_records() -> Callable[..., Path]:
    """Writes TFRecord files without TensorFlow: write_records(path, [{feature: value or list of values}]) -> path."""

    def write(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
        parts = []
        for record in records:
            features = {key: value if isinstance(value, list) else [value] for key, value in record.items()}
            entries = (_field(1, _field(1, key.encode()) + _field(2, _feature(it))) for key, it in features.items())
            data = _field(1, b"".join(entries))
            length = struct.pack("<Q", len(data))
            parts += [length, struct.pack("<I", masked(crc32c(length))), data, struct.pack("<I", masked(crc32c(data)))]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(parts))
        return path

    return write


def _feature(values: Sequence[Any]) -> bytes:
    if not values:
        return b""
    if isinstance(values[0], float):
        return _field(2, _field(1, np.array(values, "<f4").tobytes()))
    if isinstance(values[0], int):
        return _field(3, _field(1, b"".join(map(_varint, values))))
    return _field(1, b"".join(_field(1, value if isinstance(value, bytes) else value.encode()) for value in values))


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    value %= 1 << 64
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _varint(value >> 7)


@pytest.fixture(scope="session")
def picture_data(make_picture_data: Callable[[int], Path]) -> Path:
    """24 pictures; the model's top-1 is 0.75."""
    return make_picture_data(24)


@pytest.fixture(scope="session")
def delegate_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tests/backends/delegate.c, compiled: a real delegate, which computes or misbehaves as its options say."""
    library = shared_library(REPOSITORY / "tests/backends/delegate.c", tmp_path_factory.mktemp("delegate"))
    if library is None:
        pytest.skip("no C compiler is here to build the test delegate with")
    return library


def _write(graph: Graph, path: Path) -> Path:
    with path.open("wb") as file:
        graph.write(file)
    return path


@pytest.fixture(scope="session")
def environment(all_workers: Path) -> dict[str, str]:
    """What the command line runs with: a cache of the tests' own, nothing from the caller's settings."""
    cache = all_workers / "cache"
    cache.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TFLITE_", "XDG_"))}
    return kept | {"TFLITE_LOADGEN_CACHE": str(cache), "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture(scope="session")
def command() -> list[str]:
    """The console script; -P keeps the current directory off the import path, as run.sh does."""
    return [sys.executable, "-P", "-m", "harness"]


def _in_force(words: Sequence[str | Path]) -> list[str]:
    """The words of a command without values that later ones replace: fixtures give words which tests add to, and the command
    refuses to choose between two values of one option."""
    found: list[list[str]] = []
    kept = {"--model", "--backend", "--input-shape", "--require", "--format", "--filter"}
    if words and words[0] == "tune":
        kept -= {"--model", "--backend"}
    for word in map(str, words):
        if word.startswith("--set="):
            found.append(["--set", word.removeprefix("--set=")])
        elif word.startswith("--") or not found or len(found[-1]) > 1 or not found[-1][0].startswith("--"):
            found.append([word])
        else:
            found[-1].append(word)

    def what(pair: list[str]) -> str | None:
        name, *value = pair
        if not value or name in kept:
            return None
        return value[0].partition("=")[0] if name == "--set" else name

    later = [{what(other) for other in found[place + 1 :]} for place in range(len(found))]
    return [
        word
        for pair, replaced in zip(found, later, strict=True)
        if what(pair) not in replaced - {None}
        for word in pair
    ]


@pytest.fixture(scope="session")
def nursery(environment: dict[str, str]) -> Iterator[Nursery]:
    """What commands and workers are forked off, where nothing depends on how they start."""
    found = Nursery(environment)
    yield found
    found.close()


@pytest.fixture
def warm(nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process starts by `child_process.start` is forked off the nursery."""
    nursery.begin()
    monkeypatch.setattr(child_process, "start", nursery.start)


@pytest.fixture(scope="session")
def run_command(nursery: Nursery, environment: dict[str, str]) -> Callable[..., Process]:
    """As `cli`, for fixtures whose run several tests read: run_command(*words, cwd=...)."""

    def run(*words: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Process:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            with nursery.command(_in_force(words), cwd, environment | dict(env or {}), out, err) as process:
                try:
                    process.wait(600)
                finally:
                    process.kill()
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode().replace("\r\n", "\n").replace("\r", "\n"))
        return Process(words, process.returncode, *said)

    return run


@pytest.fixture
def cli(run_command: Callable[..., Process], tmp_path: Path) -> Callable[..., Process]:
    """Runs one command to its end: cli(*words, cwd=..., env={...}) -> CompletedProcess with text output."""
    return partial(run_command, cwd=tmp_path)


HOURS = """
import itertools, sys
from pathlib import Path
from types import SimpleNamespace
from harness.cli import main
from harness.machine import child_process
from harness.run import hearing

folder, count = Path(sys.argv[1]), int(sys.argv[2])
hours = itertools.count(3600, 3600)
hearing.time = SimpleNamespace(monotonic=lambda: next(hours) if len(list(folder.glob("hanging-*"))) == count else 0)
sys.exit(main(sys.argv[3:]))
"""


@pytest.fixture
def hung(environment: dict[str, str], tmp_path: Path) -> Callable[..., Process]:
    """Runs one command that is expected to hang: hung(out, count, *words, env={...}).

    For the parent no time passes until so many processes say by a file `hanging-PID` in the run's directory that they hang;
    then an hour each time it looks. So no test depends on how soon a process is up.
    """

    def run(out: Path, count: int, *words: str | Path, env: Mapping[str, str] | None = None) -> Process:
        return subprocess.run(
            [sys.executable, "-P", "-c", HOURS, *map(str, (out, count, *_in_force(words))), "--out", str(out)],
            cwd=tmp_path,
            env=environment | dict(env or {}),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


@pytest.fixture
def call(
    cli: Callable[..., Process],
    warm: None,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Process]]:
    """As `cli`, inside this process. The worker is a process all the same."""
    handlers = {number: signal.getsignal(number) for number in stop_signals.ALL}

    def run(*words: str | Path, cwd: Path = tmp_path, env: Mapping[str, str] | None = None) -> Process:
        if env:
            # A plug-in, which must be found when the interpreter starts.
            return cli(*words, cwd=cwd, env=env)
        for name in ("TFLITE_LOADGEN_CACHE", "PYTHONPATH"):
            monkeypatch.setenv(name, environment[name])
        monkeypatch.chdir(cwd)
        capsys.readouterr()
        status = main(_in_force(words))
        said = capsys.readouterr()
        return Process(words, status, said.out, said.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def start(nursery: Nursery, environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts one command in a process group of its own and gives its Popen; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: str | Path, cwd: Path = tmp_path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        (out, told_out), (err, told_err) = os.pipe(), os.pipe()
        with os.fdopen(told_out, "wb") as of_out, os.fdopen(told_err, "wb") as of_err:
            environ = environment | dict(env or {})
            process = nursery.command(_in_force(words), cwd, environ, of_out, of_err, own_session=True)
        # As `subprocess` makes them of pipes and text=True.
        process.text_mode = True  # type: ignore[attr-defined]
        process.stdout, process.stderr = (os.fdopen(end, encoding="utf-8") for end in (out, err))
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system of its own: mount("size=64k") -> its folder."""
    mounted: list[Path] = []

    def make(options: str) -> Path:
        place = tmp_path / f"disk-{len(mounted)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Waits until a condition holds; fails loudly if it never does. For processes, whose moment is theirs to choose."""

    def wait(condition: Callable[[], object], what: str, seconds: float = 600) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"still not so after {seconds} s: {what}"
            time.sleep(0.02)

    return wait


@pytest.fixture(scope="session")
def short() -> list[str]:
    """Overrides that make a run as short as it can be: as many queries as are asked for, and no duration that must be reached.

    LoadGen makes its queries beforehand from what the calibration found. On a busy machine that may see a slow model, and
    LoadGen then meet a quick one: a run with a duration would be out of queries before it, and INVALID. A test that sets
    one needs queries for any speed: in the streams the expected latency here gives them, in Offline `load.target_qps` must.
    """
    settings = (
        "load.min_duration_ms=0",
        "load.min_query_count=64",
        "load.expected_latency_ns=1000",
        "load.warm_up_s=0",
    )
    return ["--threads", "1", *(word for setting in settings for word in ("--set", setting))]


@pytest.fixture(scope="session")
def keywords(keyword_model: Path, keyword_data: Path, short: list[str]) -> list[str]:
    """The words of a short keyword-spotting run, --out and --scenario apart."""
    return ["--task", "kws", "--model", str(keyword_model), "--dataset", str(keyword_data), *short]


@pytest.fixture(scope="session")
def read_result() -> Callable[[Path], Result]:
    """result.json of a run's directory."""

    def read(folder: Path) -> Result:
        found: Result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        return found

    return read


@pytest.fixture(scope="session")
def read_detail() -> Callable[[Path], Result]:
    """LoadGen's own log, read without the harness: key -> value, the last of a key winning."""

    def read(folder: Path) -> Result:
        found: Result = {}
        for line in (folder / "mlperf_log_detail.txt").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line.removeprefix(":::MLLOG "))
            found[entry["key"]] = entry["value"]
        return found

    return read


@pytest.fixture(scope="session")
def complaint() -> Callable[[Process], str]:
    """The one message of a command that failed: a message for the user and no traceback."""

    def read(process: Process) -> str:
        assert "Traceback" not in process.stderr, process.stderr
        assert process.stdout == ""
        _, found, message = process.stderr.partition("tflite-loadgen: ")
        assert found, process.stderr
        assert "tflite-loadgen: " not in message, process.stderr
        return message.strip()

    return read


@pytest.fixture
def plug_in(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """Installs a backend plug-in: plug_in(name, source of a module with a class Backend) -> environment that has it."""

    def install(name: str, source: str) -> dict[str, str]:
        site = tmp_path / "site"
        module = f"plug_in_{name}"
        info = site / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="ascii")
        (info / "entry_points.txt").write_text(
            f"[tflite_loadgen.backends]\n{name} = {module}:Backend\n", encoding="ascii"
        )
        return {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(site)])}

    return install


@pytest.fixture(scope="session")
def true_logits() -> Callable[[QuestionAnswering, Path], list[tuple[Array, Array]]]:
    """Makes the logits of a model that knows the answers: true_logits(task, truth) -> (start, end) of each window."""

    def make(task: QuestionAnswering, truth: Path) -> list[tuple[Array, Array]]:
        """What a model that knows the answers would say, over noise."""
        answers = read_truth(truth).answers
        noise = np.random.default_rng(0)
        logits = []
        for index in range(len(task)):
            window = task._windows.window(index)
            start, end = noise.normal(size=(2, 384)).astype(np.float32)
            if place := _where_answered(window, answers[window.qas_id]):
                start[place[0]] += 20
                end[place[1]] += 20
            logits.append((start, end))
        return logits

    return make


def _where_answered(window: Window, answers: Sequence[str]) -> tuple[int, int] | None:
    """The first run of context tokens that reads as one of the answers does, spaces aside."""
    bare = [token.removeprefix("##") for token in window.tokens]
    for wanted in ("".join(basic_tokens(answer)) for answer in answers):
        for start in range(window.context_start, len(bare) - 1):
            if window.token_is_max_context[start - window.context_start]:
                text = ""
                for end in range(start, min(start + 30, len(bare) - 1)):
                    text += bare[end]
                    if text == wanted:
                        return start, end
    return None
