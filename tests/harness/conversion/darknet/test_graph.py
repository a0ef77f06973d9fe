"""Darknet networks as TFLite, against a forward pass of numpy's own loops."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.conversion.darknet.configuration import read_network
from harness.conversion.darknet.graph import write_darknet
from harness.conversion.darknet.layers import Convolution
from harness.errors import ConfigError
from tests.harness.conversion.conftest import ask, details

Array = npt.NDArray[Any]
CFG = """\
[net]
width=16 # a comment
height=12
channels=3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
batch_normalize=1
filters=8
groups=8
size=3
pad=1
activation=relu

[convolutional]
filters=8
groups=2
size=1
activation=swish

[shortcut]
from=-3
activation=linear

[maxpool]
size=3
stride=2

[dropout]
probability=.2

[convolutional]
filters=6
size=1
activation=linear

[yolo]
mask=0
anchors=1,2
classes=1

[route]
layers=-2

[upsample]
stride=2

[route]
layers=-1,3

[route]
layers=-1
groups=2
group_id=1

[maxpool]
size=5
stride=1

[convolutional]
batch_normalize=1
filters=6
size=3
stride=2
pad=1
activation=relu6

[yolo]
mask=1
anchors=1,2
classes=1
"""


def convolved(x: Array, weight: Array, bias: Array, stride: int, padding: int, groups: int) -> Array:
    """[c, h, w], by the definition."""
    filters, width, size, _ = weight.shape
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    rows, columns = ((side - size) // stride + 1 for side in padded.shape[1:])
    found = np.zeros((filters, rows, columns))
    for number in range(filters):
        first = number // (filters // groups) * width
        for row in range(rows):
            for column in range(columns):
                at = padded[
                    first : first + width,
                    row * stride : row * stride + size,
                    column * stride : column * stride + size,
                ]
                found[number, row, column] = (at * weight[number]).sum() + bias[number]
    return found


def pooled(x: Array, size: int, stride: int) -> Array:
    """As maxpool_layer.c has it: padding is size - 1, half of it before."""
    padding = size - 1
    rows, columns = ((side + padding - size) // stride + 1 for side in x.shape[1:])
    found = np.zeros((len(x), rows, columns))
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride - padding // 2, column * stride - padding // 2
            found[:, row, column] = x[:, max(top, 0) : top + size, max(left, 0) : left + size].max(axis=(1, 2))
    return found


def forward(x: Array, take: Any) -> tuple[Array, Array]:
    """The network above, layer by layer; `take(count)` gives the file's next floats."""

    def layer(
        x: Array, filters: int, size: int, *, stride: int = 1, pad: int = 0, groups: int = 1, bn: bool = False
    ) -> Array:
        bias = take(filters)
        scale, mean, variance = (
            (take(filters) for _ in range(3)) if bn else (np.ones(filters), np.zeros(filters), np.ones(filters) - 1e-5)
        )
        weight = take(filters * len(x) // groups * size**2).reshape(filters, len(x) // groups, size, size)
        sums = convolved(x, weight, np.zeros(filters), stride, pad, groups)
        normal = (sums - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
        normalised: Array = normal * scale[:, None, None] + bias[:, None, None]
        return normalised

    first = layer(x, 8, 3, stride=2, pad=1, bn=True)
    first = np.where(first > 0, first, 0.1 * first)
    second = np.maximum(layer(first, 8, 3, pad=1, groups=8, bn=True), 0)
    third = layer(second, 8, 1, groups=2)
    third = third / (1 + np.exp(-third))
    fourth = third + first
    small = layer(pooled(fourth, 3, 2), 6, 1)
    large = small.repeat(2, 1).repeat(2, 2)
    joined = np.concatenate([large, fourth])[7:]
    last = layer(pooled(joined, 5, 1), 6, 3, stride=2, pad=1, bn=True)
    return small, np.clip(last, 0, 6)


@pytest.fixture
def cfg(tmp_path: Path) -> Path:
    path = tmp_path / "net.cfg"
    path.write_text(CFG, encoding="ascii")
    return path


def write_weights(cfg: Path, minor: int = 2, cut: int = 0) -> Array:
    """Random ones; variances, as all scales of a file, are positive."""
    floats = []
    random = np.random.default_rng(7)
    for layer in read_network(cfg).layers:
        if isinstance(kind := layer.kind, Convolution):
            weights = kind.filters * layer.takes[2] // kind.groups * kind.size**2
            floats += [random.uniform(-1, 1, kind.filters)]
            floats += [random.uniform(0.2, 1, kind.filters) for _ in range(3 if kind.normalised else 0)]
            floats += [random.uniform(-1, 1, weights)]
    values = np.concatenate(floats).astype("<f4")
    header = struct.pack("<iii", 0, minor, 0) + struct.pack("<q" if minor >= 2 else "<i", 32)
    data = header + values.tobytes()
    cfg.with_suffix(".weights").write_bytes(data[: len(data) - cut])
    return values


@pytest.mark.parametrize("minor", [1, 2])
def test_every_layer_gives_what_the_definition_gives(cfg: Path, tmp_path: Path, minor: int) -> None:
    floats = write_weights(cfg, minor)
    write_darknet(cfg, cfg.with_suffix(".weights"), place := tmp_path / "net.tflite")
    picture = np.random.default_rng(1).uniform(0, 1, (12, 16, 3)).astype(np.float32)
    position = 0

    def take(count: int) -> Array:
        nonlocal position
        position += count
        return floats[position - count : position].astype(np.float64)

    right = forward(picture.transpose(2, 0, 1).astype(np.float64), take)
    assert position == len(floats)
    (taken,), given = details(place)
    assert taken["shape"].tolist() == [1, 12, 16, 3]
    found = dict(zip([detail["name"] for detail in given], ask(place, picture[None]), strict=True))
    assert len(found) == 2
    for values, wanted in zip(found.values(), right, strict=True):
        assert wanted.std() > 0.1
        np.testing.assert_allclose(values[0].transpose(2, 0, 1), wanted, atol=2e-4 * np.abs(wanted).max())


def test_weights_of_another_length_than_the_configuration_says_are_refused(cfg: Path, tmp_path: Path) -> None:
    write_weights(cfg, cut=4)
    with pytest.raises(ConfigError, match=r"bytes, but the \.cfg says .* It is cut, or belongs to another \.cfg"):
        write_darknet(cfg, cfg.with_suffix(".weights"), tmp_path / "net.tflite")
    assert not (tmp_path / "net.tflite").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("[maxpool]", "[maxpool]\nantialiasing=1"), r"line \d+: antialiasing=1 of \[maxpool\] is not known here"),
        (("[upsample]", "[reorg3d]"), r"line \d+: layers \[reorg3d\] have no TFLite form"),
        (("activation=swish", "activation=mish"), "activation 'mish' of .convolutional. has no TFLite kernel"),
        (("from=-3", "from=-9"), "names layer -9, which is none of the 3 before it"),
        (("groups=2\nsize=1", "groups=3\nsize=1"), "cannot be parted into 3 groups"),
        (("filters=8\nsize=3", "filters=x\nsize=3"), "filters of .convolutional. is 'x'"),
        (("from=-3", "from=-1\n[convolutional]\nfilters=5\n[shortcut]\nfrom=-3"), "only equal ones are known"),
        (("[net]", "[nets]"), "its first section is not .net."),
    ],
)
def test_a_configuration_that_cannot_be_followed_is_refused_with_its_line(
    cfg: Path, change: tuple[str, str], why: str
) -> None:
    text = cfg.read_text(encoding="ascii")
    assert change[0] in text
    cfg.write_text(text.replace(*change, 1), encoding="ascii")
    with pytest.raises(ConfigError, match=why):
        read_network(cfg)


def test_of_an_option_that_stands_twice_the_first_counts_as_darknet_has_it(tmp_path: Path) -> None:
    cfg = tmp_path / "net.cfg"
    cfg.write_text("[net]\nwidth=8\nheight=8\n[convolutional]\nfilters=4\nfilters=9\n", encoding="ascii")
    assert read_network(cfg).layers[0].gives == (8, 8, 4)
