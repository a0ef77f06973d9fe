"""The stand-ins' networks in TensorFlow's operations, with the stand-ins' weights: what `benchmarks.converted_twins` converts.

TensorFlow is imported where it is used: it is an extra.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.zoo.graph.mobilebert import MASKED_SCORE, MobileBertConfig, block_name
from harness.zoo.standins import circuit, mobilebert, networks
from harness.zoo.standins.layer_stack import INPUT, Add, Concat, Conv, GlobalPool, Network, Node, sources
from harness.zoo.standins.picture_models import load_weights
from harness.zoo.standins.ssd import POST_PROCESS, anchors

Array = npt.NDArray[Any]

_DETECTION_OUTPUTS = tuple(f"TFLite_Detection_PostProcess{suffix}" for suffix in ("", ":1", ":2", ":3"))


def picture_model(network: Network) -> Callable[[Any], Any]:
    """A network from picture to answer, with what the official graph has behind the scores."""
    weights = load_weights(network.name)
    ends = {"deeplabv3": _class_map, "ssd_mobilenet_v2": _detections}

    def model(picture: Any) -> Any:
        made = {INPUT: picture}
        for node in network.nodes:
            made[node.name] = _node(node, made, weights)
        return ends.get(network.name, _probabilities)(network, made)

    return model


def _node(node: Node, made: Mapping[str, Any], weights: Mapping[str, Array]) -> Any:
    import tensorflow as tf

    found = [made[source] for source in sources(node)]
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


def mobilebert_model() -> Callable[[Any, Any, Any], Any]:
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
        penalty = (1.0 - tf.cast(input_mask[:, tf.newaxis, tf.newaxis, :], tf.float32)) * -MASKED_SCORE
        for block in map(block_name, range(self._config.blocks)):
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
