"""TensorFlow's converter makes the stand-ins' networks once more, to hold the stand-ins against: `benchmarks.standins`.

Each twin is written in TensorFlow's own operations from the same description and the same weights, and converted: what
differs is what the converter chose. Both compute the same function, so that work that depends on data, as SSD's suppression
of boxes, is the same too.

    ./run.sh install tensorflow
    .venv/bin/python -m benchmarks.standins         # makes them, too, where they are not in the cache
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from harness.zoo import circuit, mobilebert, networks
from harness.zoo.mobilebert import MobileBertConfig
from harness.zoo.networks import Add, Concat, Conv, GlobalPool, Network, Node
from harness.zoo.official import cache_dir
from harness.zoo.picture_models import load_weights
from harness.zoo.ssd import POST_PROCESS, anchors

Array = npt.NDArray[Any]
Variant = Literal["float32", "int8"]

_NETWORKS: Mapping[str, Callable[[], Network]] = {
    "mobilenet_edgetpu": networks.mobilenet_edgetpu,
    "ssd_mobilenet_v2": networks.ssd_mobilenet_v2,
    "deeplabv3": networks.deeplabv3,
    "mobilenet_v2": networks.mobilenet_v2,
}
TWINS = tuple(f"{name}_{variant}" for name in (*_NETWORKS, "mobilebert") for variant in ("float32", "int8"))
"""Named as the stand-ins are."""
INSTALL = "./run.sh install tensorflow"
_BYTES_IN = ("ssd_mobilenet_v2", "deeplabv3")
"""Their int8 models take uint8 pictures, as the official files do."""
_DETECTION_OUTPUTS = tuple(f"TFLite_Detection_PostProcess{suffix}" for suffix in ("", ":1", ":2", ":3"))
_CALIBRATION_PICTURES = 8
_SOURCE = Path(mobilebert.__file__).parent
_DECIDED_BY = (
    "circuit.py",
    "mobilebert.py",
    "networks.py",
    "noise.py",
    "squad_builtin.py",
    "ssd.py",
    "wiring.py",
    "weights",
)
"""What decides a twin besides this file: a change of it makes the twins anew."""


def twin_path(name: str) -> Path | None:
    """Where the twin of the stand-in of this name lies in the cache, whether it is there or not; None without TensorFlow."""
    try:
        converter = version("tensorflow")
    except PackageNotFoundError:
        return None
    return cache_dir() / "converted_twins" / f"{name}-{converter}-{_source_hash()}.tflite"


def make_twins() -> None:
    """Makes those that are not in the cache, in a process of its own: TensorFlow brings threads and a gigabyte or two."""
    if all(path is None or path.is_file() for path in map(twin_path, TWINS)):
        return
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, "-P", "-m", "benchmarks.converted_twins"]
    done = subprocess.run(command, check=False, env=environment, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"a twin could not be converted:\n{done.stderr}")


def main() -> None:
    """Makes all twins that are not in the cache."""
    for name in TWINS:
        path = twin_path(name)
        if path is None:
            raise SystemExit(f"TensorFlow's converter is not here: {INSTALL}")
        if not path.is_file():
            print(f"converting {path.name} ...", flush=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(convert(name))
            partial.replace(path)


def convert(name: str) -> bytes:
    """The twin of one stand-in, as TensorFlow's converter writes it."""
    network, _, variant = name.rpartition("_")
    if network == "mobilebert":
        return _converted(_mobilebert(), _token_inputs(), quantized=variant == "int8")
    made = _NETWORKS[network]()
    specification = {"input": ((1, *made.picture), np.float32)}
    if variant == "float32":
        return _converted(_picture_model(made), specification)
    return _converted(_picture_model(made), specification, pictures=made, quantized=True)


def _converted(
    function: Callable[..., Any],
    inputs: Mapping[str, tuple[tuple[int, ...], Any]],
    *,
    quantized: bool = False,
    pictures: Network | None = None,
) -> bytes:
    """Float32; or quantised, statically where there are pictures to see ranges with, else in its dynamic range."""
    import tensorflow as tf

    module = tf.Module()
    specs = [tf.TensorSpec(shape, dtype, name) for name, (shape, dtype) in inputs.items()]
    concrete = tf.function(function).get_concrete_function(*specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.allow_custom_ops = True
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if pictures is not None:
        converter.representative_dataset = lambda: _noise(pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        bytes_in = pictures.name in _BYTES_IN
        converter.inference_input_type = tf.uint8 if bytes_in else tf.int8
        converter.inference_output_type = tf.float32 if bytes_in else tf.int8
    return bytes(converter.convert())


def _noise(network: Network) -> Iterator[list[Array]]:
    rng = np.random.default_rng(1)
    for _ in range(_CALIBRATION_PICTURES):
        yield [rng.uniform(-1, 1, (1, *network.picture)).astype(np.float32)]


def _source_hash() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in _DECIDED_BY:
        path = _SOURCE / name
        for file in sorted(path.glob("*.npz")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _picture_model(network: Network) -> Callable[[Any], Any]:
    """A network from picture to answer, with what the official graph has behind the scores."""
    weights = load_weights(network.name)
    ends = {"deeplabv3": _class_map, "ssd_mobilenet_v2": _detections}

    def model(picture: Any) -> Any:
        made = {networks.INPUT: picture}
        for node in network.nodes:
            made[node.name] = _node(node, made, weights)
        return ends.get(network.name, _probabilities)(network, made)

    return model


def _node(node: Node, made: Mapping[str, Any], weights: Mapping[str, Array]) -> Any:
    import tensorflow as tf

    found = [made[source] for source in networks.sources(node)]
    if isinstance(node, Conv):
        return _convolution(node, found[0], weights)
    if isinstance(node, Add):
        return found[0] + found[1]
    if isinstance(node, GlobalPool):
        return tf.nn.avg_pool2d(found[0], found[0].shape[1:3], 1, "VALID")
    if isinstance(node, Concat):
        return tf.concat(found, axis=3)
    return tf.compat.v1.image.resize_bilinear(found[0], made[node.like].shape[1:3])


def _convolution(node: Conv, values: Any, weights: Mapping[str, Array]) -> Any:
    import tensorflow as tf

    stored, scale, bias = (weights[f"{node.name}/{kind}"] for kind in ("weight", "scale", "bias"))
    strides, dilations = [1, node.stride, node.stride, 1], [node.dilation, node.dilation]
    if node.depthwise:
        kernel = np.transpose(stored * scale, (1, 2, 3, 0))
        result = tf.nn.depthwise_conv2d(values, kernel, strides, "SAME", dilations=dilations)
    else:
        kernel = np.transpose(stored * scale[:, None, None, None], (1, 2, 3, 0))
        result = tf.nn.conv2d(values, kernel, strides, "SAME", dilations=dilations)
    activation = {"none": tf.identity, "relu": tf.nn.relu, "relu6": tf.nn.relu6}[node.activation]
    return activation(tf.nn.bias_add(result, bias))


def _probabilities(network: Network, made: Mapping[str, Any]) -> Any:
    import tensorflow as tf

    return {"Predictions/Softmax": tf.nn.softmax(tf.squeeze(made[network.nodes[-1].name], [1, 2]))}


def _class_map(network: Network, made: Mapping[str, Any]) -> Any:
    import tensorflow as tf

    scores = made[network.nodes[-1].name]
    enlarged = tf.compat.v1.image.resize_bilinear(scores, (network.side, network.side))
    return {"ArgMax": tf.argmax(enlarged, axis=3, output_type=tf.int32)}


def _detections(network: Network, made: Mapping[str, Any]) -> Any:
    import tensorflow as tf

    del network

    def joined(names: Sequence[str], width: int) -> Any:
        return tf.concat([tf.reshape(made[name], (1, -1, width)) for name in names], axis=1)

    boxes = joined(networks.predictors("boxes"), 4)
    classes = joined(networks.predictors("classes"), networks.DETECTION_CLASSES)

    # So the converter is told that a function stands for a custom operator; its body never runs.
    @tf.function(experimental_implements=_post_process_signature())  # type: ignore[untyped-decorator,unused-ignore]
    def post_process(boxes: Any, scores: Any, priors: Any) -> Any:
        del boxes, scores, priors
        most = int(POST_PROCESS["max_detections"])
        return tf.zeros((1, most, 4)), tf.zeros((1, most)), tf.zeros((1, most)), tf.zeros((1,))

    outputs = post_process(boxes, tf.sigmoid(classes), tf.constant(anchors()))
    return dict(zip(_DETECTION_OUTPUTS, outputs, strict=True))


def _post_process_signature() -> str:
    words = ['name: "TFLite_Detection_PostProcess"']
    for key, value in POST_PROCESS.items():
        kind = "b" if isinstance(value, bool) else "i" if isinstance(value, int) else "f"
        words.append(f'attr {{ key: "{key}" value {{ {kind}: {str(value).lower()} }} }}')
    return " ".join(words)


def _token_inputs() -> dict[str, tuple[tuple[int, ...], Any]]:
    shape = (1, MobileBertConfig().sequence)
    return dict.fromkeys(("input_ids", "input_mask", "segment_ids"), (shape, np.int32))


def _mobilebert() -> Callable[[Any, Any, Any], Any]:
    """MobileBERT as BERT's own code has it: dense layers over [1, tokens, width], heads by reshape and transpose."""
    config = MobileBertConfig()
    weights = mobilebert.make_weights(config)
    circuit.wire(weights, mobilebert.SEED)
    return _Bert(config, weights)


class _Bert:
    """Called with ids, mask and segments; gives the end and the start logits."""

    def __init__(self, config: MobileBertConfig, weights: Mapping[str, Array]) -> None:
        self._config, self._weights = config, weights

    def __call__(self, input_ids: Any, input_mask: Any, segment_ids: Any) -> Any:
        import tensorflow as tf

        hidden = self._embeddings(input_ids, segment_ids)
        penalty = (1.0 - tf.cast(input_mask[:, tf.newaxis, tf.newaxis, :], tf.float32)) * -mobilebert.MASKED_SCORE
        for block in map(mobilebert.block_name, range(self._config.blocks)):
            hidden = self._block(block, hidden, penalty)
        start, end = tf.unstack(self._dense("squad", hidden), axis=2)
        return {"end_logits": end, "start_logits": start}

    def _embeddings(self, ids: Any, segments: Any) -> Any:
        import tensorflow as tf

        weights = self._weights
        words = tf.gather(weights["embeddings/word"], ids)
        following = tf.pad(words[:, 1:], [[0, 0], [0, 1], [0, 0]])
        previous = tf.pad(words[:, :-1], [[0, 0], [1, 0], [0, 0]])
        total = self._dense("embeddings/trigram", tf.concat([following, words, previous], axis=2))
        total += tf.gather(weights["embeddings/segment"], segments)
        total += weights["embeddings/position"][np.newaxis, : self._config.sequence]
        return self._norm("embeddings/norm", total)

    def _block(self, name: str, hidden: Any, penalty: Any) -> Any:
        import tensorflow as tf

        trunk, shared = (
            self._norm(f"{name}/bottleneck/{role}/norm", self._dense(f"{name}/bottleneck/{role}", hidden))
            for role in ("input", "attention")
        )
        trunk = self._norm(
            f"{name}/attention/norm", self._attention(f"{name}/attention", shared, hidden, penalty) + trunk
        )
        for ffn in (f"{name}/ffn_{index}" for index in range(self._config.feed_forwards)):
            widened = tf.nn.relu(self._dense(f"{ffn}/intermediate", trunk))
            trunk = self._norm(f"{ffn}/norm", self._dense(f"{ffn}/output", widened) + trunk)
        output = f"{name}/bottleneck/output"
        return self._norm(f"{output}/norm", self._dense(output, trunk) + hidden)

    def _attention(self, name: str, shared: Any, hidden: Any, penalty: Any) -> Any:
        import tensorflow as tf

        query, key, value = (
            self._heads(self._dense(f"{name}/{role}", source))
            for role, source in (("query", shared), ("key", shared), ("value", hidden))
        )
        scores = tf.matmul(query, key, transpose_b=True) / np.float32(np.sqrt(query.shape[-1]))
        mixed = tf.matmul(tf.nn.softmax(scores + penalty), value)
        context = tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), shared.shape)
        return self._dense(f"{name}/output", context)

    def _heads(self, values: Any) -> Any:
        import tensorflow as tf

        return tf.transpose(tf.reshape(values, (*values.shape[:-1], self._config.heads, -1)), (0, 2, 1, 3))

    def _dense(self, name: str, values: Any) -> Any:
        import tensorflow as tf

        return tf.tensordot(values, self._weights[f"{name}/weight"].T, 1) + self._weights[f"{name}/bias"]

    def _norm(self, name: str, values: Any) -> Any:
        return values * self._weights[f"{name}/gamma"] + self._weights[f"{name}/beta"]


if __name__ == "__main__":
    main()
