from __future__ import annotations

import io
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from harness.zoo.graph.writer import Graph
from harness.zoo.standins import networks, picture_models
from harness.zoo.standins.layer_stack import Network, sizes, weight_shapes
from harness.zoo.standins.picture_models import Variant, Weights
from harness.zoo.standins.ssd import anchors

_OP_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
_VARIANTS: tuple[Variant, ...] = ("float32", "int8")


def _noise_weights(network: Network) -> Weights:
    rng = np.random.default_rng(0)
    weights = {f"{node.name}/range": np.array([-4, 6], np.float32) for node in network.nodes}
    for node, shape in zip(network.convolutions, weight_shapes(network).values(), strict=True):
        weights[f"{node.name}/weight"] = rng.integers(-127, 128, shape).astype(np.int8)
        weights[f"{node.name}/scale"] = np.full(node.channels, 0.02 / math.sqrt(math.prod(shape[1:3])), np.float32)
        weights[f"{node.name}/bias"] = rng.normal(0, 0.1, node.channels).astype(np.float32)
    return weights


def _bytes(graph: Graph) -> bytes:
    file = io.BytesIO()
    graph.write(file)
    return file.getvalue()


def _parameters(model: bytes) -> int:
    """Elements of all constants that are weights or biases, read from the file itself."""
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = parsed.subgraphs[0]
    weighted = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    constants = {
        index
        for operator in graph.operators
        if _op(parsed, operator) in weighted
        for index in operator.inputs[1:]
        if parsed.buffers[graph.tensors[index].buffer].data is not None
    }
    return sum(math.prod(graph.tensors[index].shape) for index in constants)


def _op(parsed: schema.ModelT, operator: schema.OperatorT) -> str:
    code = parsed.operatorCodes[operator.opcodeIndex]
    name: str = _OP_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
    return name


def _ops(model: bytes) -> list[tuple[str, tuple[int, ...]]]:
    """Every operator with the shape of what it makes, as the interpreter knows it."""
    interpreter = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    shapes = {
        detail["index"]: tuple(int(size) for size in detail["shape"]) for detail in interpreter.get_tensor_details()
    }
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    return [(_op(parsed, operator), shapes[operator.outputs[0]]) for operator in parsed.subgraphs[0].operators]


_OFFICIAL = {
    "mobilenet_edgetpu": "mlperf_mobile/mobilenet_edgetpu_224_1.0_uint8.tflite",
    "deeplabv3": "mlperf_mobile/deeplabv3_mnv2_ade20k_uint8.tflite",
}


@pytest.mark.parametrize("variant", _VARIANTS)
@pytest.mark.parametrize("name", _OFFICIAL)
def test_a_stand_in_has_the_official_files_operators_shapes_and_parameters(
    zoo: Path, name: str, variant: Variant
) -> None:
    network = getattr(networks, name)()
    ours = _bytes(picture_models.build(name, variant, _noise_weights(network)))
    theirs = (zoo / "models" / _OFFICIAL[name]).read_bytes()
    assert _parameters(ours) == _parameters(theirs)
    # As DeepLab's official int8 file does, ours takes bytes and turns them into int8 first.
    first = [("QUANTIZE", (1, 512, 512, 3))] if (name, variant) == ("deeplabv3", "int8") else []
    assert Counter(_ops(ours)) == Counter([*first, *_ops(theirs)])


def test_mobilenet_v2_has_the_parameters_of_the_published_file(zoo: Path) -> None:
    network = networks.mobilenet_v2()
    ours = _bytes(picture_models.build("mobilenet_v2", "int8", _noise_weights(network)))
    theirs = (zoo / "models/coral/mobilenet_v2_1.0_224_quant.tflite").read_bytes()
    assert _parameters(ours) == _parameters(theirs) == 3_489_097
    assert Counter(_ops(ours)) == Counter(_ops(theirs))


def test_the_detector_has_the_published_shapes() -> None:
    network = networks.ssd_mobilenet_v2()
    model = _bytes(picture_models.build("ssd_mobilenet_v2", "float32", _noise_weights(network)))
    # Sandler et al. give 2.22 M for the backbone without Conv_1 and classes; the layers behind it as in Liu et al.
    assert _parameters(model) == pytest.approx(6.05e6, rel=0.02)
    size = sizes(network)
    assert [size[name][0] for name in networks.FEATURE_MAPS] == [19, 10, 5, 3, 2, 1]
    shapes = [shape for op, shape in _ops(model) if op in {"LOGISTIC", "CUSTOM"}]
    assert shapes == [(1, 1917, 91), (1, 10, 4)]
    assert {node.kernel for node in network.convolutions if node.name.startswith("predictor")} == {1}


@pytest.mark.parametrize("name", ["mobilenet_edgetpu", "mobilenet_v2", "deeplabv3", "ssd_mobilenet_v2"])
def test_equal_weights_give_equal_bytes(name: str) -> None:
    weights = _noise_weights(getattr(networks, name)())
    first, second = (_bytes(picture_models.build(name, "int8", weights)) for _ in range(2))
    assert first == second


def test_what_is_joined_without_rescaling_is_quantised_alike() -> None:
    network = networks.deeplabv3()
    groups = picture_models.bound_together(network)
    assert {"concat", "aspp0", "image_pooling", "image_pooling/resized"} == groups["concat"]
    assert groups["Conv"] == {"Conv"}


def test_anchors_are_those_of_a_published_detector(zoo: Path) -> None:
    model = (zoo / "models/ssd/coco_ssd_mobilenet_v1_1.0_quant_detect.tflite").read_bytes()
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    published = next(tensor for tensor in parsed.subgraphs[0].tensors if tensor.name == b"anchors")
    stored = np.frombuffer(bytes(parsed.buffers[published.buffer].data), np.uint8).reshape(1917, 4)
    scale, zero_point = published.quantization.scale[0], published.quantization.zeroPoint[0]
    # The file keeps them in steps of a byte.
    np.testing.assert_allclose(anchors(), (stored.astype(np.float64) - zero_point) * scale, atol=0.51 * scale)
