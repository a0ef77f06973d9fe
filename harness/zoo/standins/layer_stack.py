"""A network as plain data, and what stacks its layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Activation = Literal["none", "relu", "relu6"]
Size = tuple[int, int, int]
"""Height, width, channels."""
INPUT = "input"


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution with a bias; in training a batch normalisation takes the bias's place, where `norm` says so."""

    name: str
    source: str
    channels: int
    """Of the output; a depthwise convolution keeps its input's."""
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    activation: Activation = "none"
    depthwise: bool = False
    norm: bool = True
    kernel_width: int | None = None
    """Where the kernel is no square."""

    @property
    def kernel_sides(self) -> tuple[int, int]:
        """Height and width of the kernel."""
        return self.kernel, self.kernel_width or self.kernel


@dataclass(frozen=True, slots=True)
class Add:
    """The sum of two activations of one size."""

    name: str
    sources: tuple[str, str]


@dataclass(frozen=True, slots=True)
class GlobalPool:
    """The mean over all places, [1, 1, 1, channels]."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Resize:
    """Bilinear, source place = place * size / wanted size, to the size of the node `like`."""

    name: str
    source: str
    like: str


@dataclass(frozen=True, slots=True)
class Concat:
    """Along the channels."""

    name: str
    sources: tuple[str, ...]


Node = Conv | Add | GlobalPool | Resize | Concat


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes up to the scores; what follows them differs by task."""

    name: str
    side: int
    """Height of the picture, and its width where `width` is not given."""
    nodes: tuple[Node, ...]
    width: int | None = None
    channels: int = 3
    """Of the picture, or of whatever stands in its place."""

    @property
    def picture(self) -> Size:
        """The size of the picture."""
        return self.side, self.width or self.side, self.channels

    @property
    def convolutions(self) -> Iterator[Conv]:
        """Those nodes that have weights."""
        return (node for node in self.nodes if isinstance(node, Conv))


def sources(node: Node) -> tuple[str, ...]:
    """The nodes that it reads."""
    return node.sources if isinstance(node, Add | Concat) else (node.source,)


def sizes(network: Network) -> dict[str, Size]:
    """The size of what every node makes, and of the picture."""
    found: dict[str, Size] = {INPUT: network.picture}
    for node in network.nodes:
        height, width, channels = found[sources(node)[0]]
        if isinstance(node, Conv):
            found[node.name] = (-(-height // node.stride), -(-width // node.stride), node.channels)
        elif isinstance(node, GlobalPool):
            found[node.name] = (1, 1, channels)
        elif isinstance(node, Resize):
            found[node.name] = (*found[node.like][:2], channels)
        elif isinstance(node, Concat):
            found[node.name] = (height, width, sum(found[source][2] for source in node.sources))
        else:
            found[node.name] = (height, width, channels)
    return found


def weight_shapes(network: Network) -> dict[str, tuple[int, int, int, int]]:
    """The shape of every convolution's weights, as TFLite keeps them.

    [outputs, height, width, inputs] of the kernel, for a depthwise one [1, height, width, channels].
    """
    size = sizes(network)
    return {
        node.name: (1, *node.kernel_sides, node.channels)
        if node.depthwise
        else (node.channels, *node.kernel_sides, size[node.source][2])
        for node in network.convolutions
    }


class Stack:
    """Nodes in the making: each is put on top of the last."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.top = INPUT

    def put(self, node: Node) -> str:
        """Any node; gives its name back."""
        self.nodes.append(node)
        self.top = node.name
        return node.name

    def conv(
        self,
        name: str,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        activation: Activation = "none",
        source: str | None = None,
        *,
        norm: bool = True,
        kernel_width: int | None = None,
    ) -> str:
        """A convolution of all channels; of the top unless `source` is given."""
        source = source or self.top
        return self.put(
            Conv(name, source, channels, kernel, stride, activation=activation, norm=norm, kernel_width=kernel_width)
        )

    def depthwise(
        self,
        name: str,
        channels: int,
        kernel: int,
        stride: int,
        activation: Activation,
        dilation: int = 1,
        kernel_width: int | None = None,
    ) -> str:
        """A convolution channel by channel, of the top."""
        return self.put(
            Conv(
                name,
                self.top,
                channels,
                kernel,
                stride,
                dilation,
                activation,
                depthwise=True,
                kernel_width=kernel_width,
            )
        )

    def bottleneck(
        self,
        name: str,
        expanded: int,
        channels: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        activation: Activation,
        residual: bool,
    ) -> None:
        """Widened, convolved channel by channel, narrowed."""
        start = self.top
        self.conv(f"{name}/expand", expanded, activation=activation)
        self.depthwise(f"{name}/depthwise", expanded, kernel, stride, activation, dilation)
        self.conv(f"{name}/project", channels)
        if residual:
            self.put(Add(f"{name}/add", (self.top, start)))
