"""Damage by design: a seed in, something near it out that its reader has not been shown before."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

_LONG = 10_000
_DEEP = 5_000
_RAW = {
    "@nan@": "NaN",
    "@inf@": "-Infinity",
    "@1e999@": "1e999",
    "@huge@": "9" * 400,
    "@digits@": "9" * 5000,
    "@deep@": "[" * _DEEP + "]" * _DEEP,
    "@half@": '"\\ud800"',
    "@twice@": '{"a": 1, "a": 2}',
}
"""What `json.dumps` does not write."""
_VALUES: tuple[Any, ...] = (
    *_RAW,
    None,
    True,
    False,
    0,
    -1,
    1,
    3,
    1 << 31,
    1 << 63,
    1 << 64,
    0.0,
    -0.0,
    1e-320,
    1e308,
    0.5,
    "",
    " ",
    "\x1b[2J\x07",
    "\0",
    "../../x",
    "n" * _LONG,
    "\u0130nf",
    [],
    [None],
    {},
    {"": ""},
)
_YAML = (
    "2020-13-45",
    "2020-02-30 25:61:61",
    "!!binary @@@",
    "!!python/object/apply:os.getcwd []",
    "!!set {a, b}",
    "!!timestamp x",
    "!!int x",
    "!!float x",
    "!x y",
    "&a [*a]",
    "*nobody",
    "? [a]",
    "<<: 3",
    "{<<: [1]}",
    "{[a]: b}",
    "[" * 300,
    "[" * _DEEP,
    "- " * 500 + "x",
    ".nan",
    "-.inf",
    "1e400",
    "0x",
    "1:99:99",
    "9" * 5000,
    "9" * 400,
    "-1",
    "0",
    "null",
    "true",
    "''",
    "[]",
    "{}",
    '"\\ud800"',
    '"\\x1b[2J"',
    "n" * _LONG,
    "|\n  text",
    "\t",
    "%",
    "---",
)
_WORDS = (
    "",
    "NaN",
    "inf",
    "\u0130nf",
    "-1",
    "0",
    "1e999",
    "9" * 400,
    "\u0661",
    "\x1b[2J",
    "\ud7ff",
    "{",
    "}",
    "[",
    '"',
    "n" * _LONG,
)
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1, 1 << 63)

Mutation = Callable[[bytes, random.Random], bytes]


def json_tree(seed: bytes, dice: random.Random) -> bytes:
    """One to three places of a JSON tree made other ones."""
    tree = [json.loads(seed)]
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        _change(dice, tree)
    text = json.dumps(tree[0])
    for word, raw in _RAW.items():
        text = text.replace(f'"{word}"', raw)
    return text.encode(errors="surrogatepass")


def _change(dice: random.Random, tree: list[Any]) -> None:
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [tree]
    while waiting:
        owner = waiting.pop()
        for key in list(owner) if isinstance(owner, dict) else range(len(owner)):
            places.append((owner, key))
            if isinstance(owner[key], dict | list):
                waiting.append(owner[key])
    owner, key = dice.choice(places)
    what = dice.randrange(6)
    if what == 0 and owner is not tree:
        del owner[key]
    elif what == 1 and isinstance(owner, dict):
        owner[dice.choice(("", "x", "\x1b[2J", "__class__", "99"))] = owner.pop(key)
    elif what == 2:
        other, name = dice.choice(places)
        owner[key] = json.loads(json.dumps(other[name])) if name in other or isinstance(other, list) else None
    elif what == 3 and isinstance(owner, list) and owner is not tree:
        owner.insert(key, copy.deepcopy(dice.choice(_VALUES)))
    elif what == 4 and isinstance(owner[key], int | float) and not isinstance(owner[key], bool):
        owner[key] = dice.choice((-owner[key], owner[key] * 1_000_003, 0, owner[key] + 0.5))
    else:
        # A list that stood in two places would be changed in both, and could come to hold itself.
        owner[key] = copy.deepcopy(dice.choice(_VALUES))


def json_lines(seed: bytes, dice: random.Random) -> bytes:
    """A line, or the JSON in it, of a log that has one a line behind a mark."""
    lines = seed.decode().split("\n")
    at = dice.randrange(len(lines))
    mark, brace, rest = lines[at].partition("{")
    if not brace or dice.random() < 0.4:
        return text_lines(seed, dice)
    try:
        lines[at] = mark + json_tree(f"{{{rest}".encode(), dice).decode(errors="replace")
    except ValueError:
        return text_lines(seed, dice)
    return "\n".join(lines).encode()


def text_lines(seed: bytes, dice: random.Random) -> bytes:
    """Lines and words lost, doubled, swapped, made others."""
    lines = seed.decode().split("\n")
    for _ in range(dice.choice((1, 1, 2, 3))):
        at, other = dice.randrange(len(lines)), dice.randrange(len(lines))
        what = dice.randrange(6)
        if what == 0 and len(lines) > 1:
            del lines[at]
        elif what == 1:
            lines.insert(other, lines[at])
        elif what == 2:
            lines[at], lines[other] = lines[other], lines[at]
        elif what == 3:
            lines[at] = lines[at][: dice.randrange(len(lines[at]) + 1)]
        else:
            words = re.split(r"(\W+)", lines[at])
            words[dice.randrange(len(words))] = dice.choice(_WORDS)
            lines[at] = "".join(words)
    return "\n".join(lines).encode(errors="replace")


def yaml_lines(seed: bytes, dice: random.Random) -> bytes:
    """A value, a key or an indentation of a YAML text made another one."""
    lines = seed.decode().split("\n")
    for _ in range(dice.choice((1, 1, 2))):
        at = dice.randrange(len(lines))
        what = dice.randrange(5)
        if what == 0:
            lines[at] = " " * dice.randrange(6) + lines[at].lstrip()
        elif what == 1:
            return text_lines("\n".join(lines).encode(), dice)
        elif what == 2 and len(lines) > 1:
            del lines[at]
        else:
            key, colon, _ = lines[at].partition(":")
            lines[at] = f"{key}{colon} {dice.choice(_YAML)}" if colon else dice.choice(_YAML)
    return "\n".join(lines).encode(errors="replace")


def raw_bytes(seed: bytes, dice: random.Random) -> bytes:
    """Bits, numbers and stretches of bytes made others."""
    data = bytearray(seed)
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        size = len(data)
        at = dice.randrange(size + 1)
        what = dice.randrange(7)
        if what == 0 and size:
            data[at % size] ^= 1 << dice.randrange(8)
        elif what == 1:
            del data[at:]
        elif what == 2:
            del data[at : at + dice.choice((1, 2, 4, 8, 64))]
        elif what == 3:
            data[at:at] = dice.randbytes(dice.choice((1, 2, 4, 8, 64)))
        elif what == 4:
            width = dice.choice((1, 2, 4, 8))
            value = dice.choice(_NUMBERS) & ((1 << 8 * width) - 1)
            data[at : at + width] = value.to_bytes(width, dice.choice(("little", "big")))
        elif what == 5:
            data[at : at + 16] = bytes(16)
        else:
            other = dice.randrange(size + 1)
            data[at:at] = data[other : other + dice.choice((1, 8, 64))]
    return bytes(data)


def header_bytes(seed: bytes, dice: random.Random) -> bytes:
    """As `raw_bytes`, in the first 256 bytes: where sizes and kinds stand."""
    return raw_bytes(seed[:256], dice) + seed[256:]
