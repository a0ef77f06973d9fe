"""Reads a Darknet .cfg file.

The rules are Darknet's own (src/parser.c, src/convolutional_layer.c, src/maxpool_layer.c): unnamed options have its defaults,
and a layer is counted from 0 behind [net], or back from where it is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accuracy.outside.text_files import NotText, read_text
from harness.conversion.darknet.layers import (
    ACTIVATIONS,
    Activation,
    Convolution,
    DarknetNetwork,
    Kind,
    Layer,
    MaxPool,
    Nothing,
    Route,
    Shortcut,
    Size,
    Upsample,
    Yolo,
)
from harness.errors import ConfigError, shortened

_MOST_SIDE = 1 << 14


@dataclass(slots=True)
class _DarknetSection:
    """One section of the file."""

    where: str
    name: str
    options: dict[str, str] = field(default_factory=dict)

    def whole(self, option: str, default: int | None = None, least: int = 1) -> int:
        """A whole number."""
        text = self.options.get(option)
        if text is None and default is not None:
            return default
        if text is None or not text.lstrip("-").isdigit() or int(text) < least:
            said = "is missing" if text is None else f"is {shortened(text)!r}"
            raise ConfigError(
                f"{self.where}: {option} of [{self.name}] {said}, but must be a whole number from {least} on"
            )
        return int(text)

    def activation(self) -> Activation:
        """Darknet's default is logistic."""
        text = self.options.get("activation", "logistic")
        for known in ACTIVATIONS:
            if text == known:
                return known
        raise ConfigError(
            f"{self.where}: activation {shortened(text)!r} of [{self.name}] has no TFLite kernel here; known: "
            f"{', '.join(ACTIVATIONS)}"
        )


def read_network(path: Path) -> DarknetNetwork:
    """Reads a .cfg file.

    Raises:
        ConfigError: It cannot be read, is none, has a layer that is not known here, or layers that do not fit each other.
    """
    sections = _sections(path)
    if not sections or sections[0].name not in ("net", "network"):
        raise ConfigError(f"{path} is no Darknet configuration: its first section is not [net]")
    net, rest = sections[0], sections[1:]
    if not rest:
        raise ConfigError(f"{path} has no layer behind [net]")
    takes = net.whole("height"), net.whole("width"), net.whole("channels", 3)
    if max(takes) > _MOST_SIDE:
        raise ConfigError(f"{path}: a picture of {takes[0]}x{takes[1]}x{takes[2]} is more than any network takes")
    layers: list[Layer] = []
    given = takes
    for section in rest:
        if (read := _KINDS.get(section.name)) is None:
            raise ConfigError(
                f"{section.where}: layers [{section.name}] have no TFLite form here; known: {', '.join(sorted(_KINDS))}"
            )
        kind = read(section, len(layers))
        gives = _gives(section, kind, given, layers)
        layers.append(Layer(kind, given, gives))
        given = gives
    return DarknetNetwork(takes, tuple(layers))


def _sections(path: Path) -> list[_DarknetSection]:
    try:
        text = read_text(path)
    except (OSError, NotText) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    found: list[_DarknetSection] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#")[0].split(";")[0].strip()
        if not line:
            continue
        where = f"{path}, line {number}"
        if line.startswith("[") and line.endswith("]"):
            found.append(_DarknetSection(where, line[1:-1].strip()))
            continue
        name, equals, value = line.partition("=")
        if not equals or not found:
            raise ConfigError(f"{where}: {shortened(line)!r} is neither [section] nor option=value")
        # Of one that stands twice Darknet takes the first (option_list.c, option_find).
        found[-1].options.setdefault(name.strip(), value.strip())
    return found


def _convolution(section: _DarknetSection, _: int) -> Kind:
    size = section.whole("size", 1)
    padding = size // 2 if section.whole("pad", 0, least=0) else section.whole("padding", 0, least=0)
    if section.options.get("dilation") != "1":
        _refuse(section, "dilation")
    _refuse(section, "stride_x", "stride_y", "antialiasing", "binary", "xnor")
    return Convolution(
        section.whole("filters"),
        size,
        section.whole("stride", 1),
        padding,
        section.whole("groups", 1),
        section.activation(),
        bool(section.whole("batch_normalize", 0, least=0)),
    )


def _refuse(section: _DarknetSection, *options: str) -> None:
    """Options that would give other numbers, and have no form here."""
    for option in options:
        if section.options.get(option, "0") != "0":
            raise ConfigError(
                f"{section.where}: {option}={shortened(section.options[option])} of [{section.name}] is not known here"
            )


def _max_pool(section: _DarknetSection, _: int) -> Kind:
    _refuse(section, "stride_x", "stride_y", "antialiasing", "maxpool_depth", "out_channels", "avgpool")
    stride = section.whole("stride", 1)
    size = section.whole("size", stride)
    return MaxPool(size, stride, section.whole("padding", size - 1, least=0))


def _upsample(section: _DarknetSection, _: int) -> Kind:
    if float(section.options.get("scale", "1")) != 1:
        raise ConfigError(f"{section.where}: scale={section.options['scale']} of [upsample] is not known here")
    return Upsample(section.whole("stride", 2))


def _route(section: _DarknetSection, place: int) -> Kind:
    text = section.options.get("layers", "")
    try:
        layers = tuple(_place(section, int(word), place) for word in text.split(",") if word.strip())
    except ValueError:
        layers = ()
    if not layers:
        raise ConfigError(f"{section.where}: layers of [route] is {shortened(text)!r}, but must be numbers of layers")
    return Route(layers, section.whole("groups", 1), section.whole("group_id", 0, least=0))


def _shortcut(section: _DarknetSection, place: int) -> Kind:
    text = section.options.get("from", "")
    if not text.lstrip("-").isdigit():
        raise ConfigError(
            f"{section.where}: from of [shortcut] is {shortened(text)!r}, but must be the number of one layer"
        )
    if section.options.get("weights_type", "none") != "none":
        raise ConfigError(f"{section.where}: weights_type of [shortcut] is not known here")
    activation = section.activation() if "activation" in section.options else "linear"
    return Shortcut(_place(section, int(text), place), activation)


def _place(section: _DarknetSection, number: int, place: int) -> int:
    found = number if number >= 0 else place + number
    if not 0 <= found < place:
        raise ConfigError(
            f"{section.where}: [{section.name}] names layer {number}, which is none of the {place} before it"
        )
    return found


_KINDS: Mapping[str, Callable[[_DarknetSection, int], Kind]] = {
    "convolutional": _convolution,
    "maxpool": _max_pool,
    "upsample": _upsample,
    "route": _route,
    "shortcut": _shortcut,
    "yolo": lambda _section, _place: Yolo(),
    "dropout": lambda _section, _place: Nothing(),
}


def _gives(section: _DarknetSection, kind: Kind, given: Size, layers: Sequence[Layer]) -> Size:
    height, width, channels = given
    if isinstance(kind, Convolution):
        if channels % kind.groups or kind.filters % kind.groups:
            raise ConfigError(
                f"{section.where}: {channels} channels into {kind.filters} filters cannot be parted into {kind.groups} groups"
            )
        sides = [(side + 2 * kind.padding - kind.size) // kind.stride + 1 for side in (height, width)]
        size = sides[0], sides[1], kind.filters
    elif isinstance(kind, MaxPool):
        sides = [(side + kind.padding - kind.size) // kind.stride + 1 for side in (height, width)]
        size = sides[0], sides[1], channels
    elif isinstance(kind, Upsample):
        size = height * kind.stride, width * kind.stride, channels
    elif isinstance(kind, Route):
        size = _routed(section, kind, [layers[place].gives for place in kind.layers])
    else:
        if isinstance(kind, Shortcut) and layers[kind.layer].gives != given:
            raise ConfigError(
                f"{section.where}: [shortcut] adds layer {kind.layer} of {layers[kind.layer].gives} to one of {given} "
                "(height, width, channels): only equal ones are known here"
            )
        size = given
    if min(size) < 1 or max(size) > _MOST_SIDE:
        raise ConfigError(f"{section.where}: [{section.name}] would give {size} of {given} (height, width, channels)")
    return size


def _routed(section: _DarknetSection, kind: Route, parts: Sequence[Size]) -> Size:
    if (
        len({part[:2] for part in parts}) > 1
        or any(part[2] % kind.groups for part in parts)
        or kind.group >= kind.groups
    ):
        raise ConfigError(
            f"{section.where}: [route] cannot join {', '.join(map(str, parts))} (height, width, channels), "
            f"part {kind.group} of {kind.groups}"
        )
    return parts[0][0], parts[0][1], sum(part[2] // kind.groups for part in parts)
