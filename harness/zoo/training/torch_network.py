"""A network of harness.zoo.standins.networks in PyTorch, with TensorFlow's padding and resizing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found,unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found,unused-ignore]

from harness.zoo.standins.layer_stack import INPUT, Add, Concat, Conv, GlobalPool, Network, Resize, weight_shapes

Tensor = Any
Parameters = dict[str, Tensor]

_BN_MOMENTUM = 0.05
_BN_EPSILON = 1e-3


def initial(network: Network, seed: int) -> tuple[Parameters, Parameters]:
    """Parameters that are trained, and batch normalisation's running statistics, by node name and role."""
    generator = torch.Generator().manual_seed(seed)
    trained: Parameters = {}
    running: Parameters = {}
    for node, shape in zip(network.convolutions, weight_shapes(network).values(), strict=True):
        outputs, height, width, inputs = shape
        torch_shape = (inputs, 1, height, width) if node.depthwise else (outputs, inputs, height, width)
        fan_in = height * width * (1 if node.depthwise else inputs)
        spread = (2 / fan_in) ** 0.5 if node.norm else 0.01
        trained[f"{node.name}/weight"] = torch.randn(torch_shape, generator=generator) * spread
        trained[f"{node.name}/bias"] = torch.zeros(node.channels)
        if node.norm:
            trained[f"{node.name}/gamma"] = torch.ones(node.channels)
            running[f"{node.name}/mean"] = torch.zeros(node.channels)
            running[f"{node.name}/variance"] = torch.ones(node.channels)
    return trained, running


def forward(
    network: Network,
    trained: Mapping[str, Tensor],
    running: Mapping[str, Tensor],
    pictures: Tensor,
    *,
    training: bool,
    momentum: float = _BN_MOMENTUM,
) -> Parameters:
    """Everything that the nodes make, [batch, channels, height, width], by name.

    Args:
        network: Its side is not used: the pictures may be of any size.
        trained: As `initial` gives it, or folded (`fold`), without gammas.
        running: Updated in training.
        pictures: float32 [batch, 3, height, width] in -1 to 1.
        training: Whether batch normalisation uses the batch's own statistics.
        momentum: The batch's share in the running statistics.
    """
    made: Parameters = {INPUT: pictures}
    for node in network.nodes:
        if isinstance(node, Conv):
            made[node.name] = _conv(node, trained, running, made[node.source], training, momentum)
        elif isinstance(node, Add):
            made[node.name] = made[node.sources[0]] + made[node.sources[1]]
        elif isinstance(node, GlobalPool):
            made[node.name] = made[node.source].mean(dim=(2, 3), keepdim=True)
        elif isinstance(node, Resize):
            made[node.name] = resize(made[node.source], made[node.like].shape[2:])
        elif isinstance(node, Concat):
            made[node.name] = torch.cat([made[source] for source in node.sources], dim=1)
    return made


def resize(values: Tensor, size: tuple[int, int]) -> Tensor:
    """TFLite's bilinear with neither corners aligned nor pixel centres halved."""
    height, width = values.shape[2:]
    if (height, width) == (1, 1):
        return values.expand(-1, -1, *size)
    rows = _interpolation(height, size[0]).to(values)
    columns = _interpolation(width, size[1]).to(values)
    return torch.matmul(rows, torch.matmul(values, columns.T))


@cache
def _interpolation(size: int, wanted: int) -> Tensor:
    places = np.arange(wanted) * (size / wanted)
    low = np.minimum(np.floor(places).astype(int), size - 1)
    high = np.minimum(low + 1, size - 1)
    matrix = np.zeros((wanted, size), np.float32)
    np.add.at(matrix, (np.arange(wanted), low), 1 - (places - low))
    np.add.at(matrix, (np.arange(wanted), high), places - low)
    return torch.from_numpy(matrix)


def _conv(
    node: Conv,
    trained: Mapping[str, Tensor],
    running: Mapping[str, Tensor],
    values: Tensor,
    training: bool,
    momentum: float,
) -> Tensor:
    weight, name = trained[f"{node.name}/weight"], node.name
    height, width = values.shape[2:]
    top, bottom = _same(height, node, node.kernel_sides[0])
    left, right = _same(width, node, node.kernel_sides[1])
    padding: Any = 0
    if (top, left) == (bottom, right):
        padding = (top, left)
    else:
        values = functional.pad(values, (left, right, top, bottom))
    groups = weight.shape[0] if node.depthwise else 1
    normalised = f"{name}/gamma" in trained
    bias = None if normalised else trained[f"{name}/bias"]
    values = functional.conv2d(values, weight, bias, node.stride, padding, node.dilation, groups)
    if normalised:
        values = functional.batch_norm(
            values,
            running[f"{name}/mean"],
            running[f"{name}/variance"],
            trained[f"{name}/gamma"],
            trained[f"{name}/bias"],
            training,
            momentum,
            _BN_EPSILON,
        )
    if node.activation == "relu":
        return functional.relu(values)
    return functional.relu6(values) if node.activation == "relu6" else values


def _same(size: int, node: Conv, kernel: int) -> tuple[int, int]:
    """TensorFlow's SAME padding: the odd line goes behind."""
    reach = (kernel - 1) * node.dilation + 1
    total = max(0, (-(-size // node.stride) - 1) * node.stride + reach - size)
    return total // 2, total - total // 2


def fold(network: Network, trained: Mapping[str, Tensor], running: Mapping[str, Tensor]) -> Parameters:
    """Weights and biases with batch normalisation multiplied in."""
    folded: Parameters = {}
    for node in network.convolutions:
        name, weight, bias = node.name, trained[f"{node.name}/weight"], trained[f"{node.name}/bias"]
        if node.norm:
            factor = trained[f"{name}/gamma"] / torch.sqrt(running[f"{name}/variance"] + _BN_EPSILON)
            weight = weight * factor[:, None, None, None]
            bias = bias - running[f"{name}/mean"] * factor
        folded[f"{name}/weight"], folded[f"{name}/bias"] = weight.detach(), bias.detach()
    return folded


def to_tflite_layout(node: Conv, weight: Tensor) -> Any:
    """A weight as TFLite keeps it (layer_stack.weight_shapes), numpy float32."""
    order = (1, 2, 3, 0) if node.depthwise else (0, 2, 3, 1)
    return np.ascontiguousarray(weight.permute(*order).numpy())
