"""A small circuit in MobileBERT's weights that answers the built-in questions; nothing is trained.

`wire` takes seeded weights and writes, over a few of their rows and columns, what makes the model answer the questions of
`harness.zoo.builtin.squad`. It is told each word's kind from that module's lists, and it does four things with them:

1. A word's embedding says its kind and whether it is a key (a person or a trade), a qualifier or a mark. Each key has a
   code of 31 signs; two codes agree in few places more than in half of them.
2. Every token learns the code of the nearest key among the eight tokens in front of it. The trigram embedding gives the
   one at distance 1. Then three blocks (`_STEPS`) fetch what the token 1, 2 and 4 places before has learnt, by an
   attention head that knows positions only; feed-forward units keep what a token has already.
3. In one more block (`_ANSWERS`) two heads ask the question: one goes to the key in the question whose code is the
   token's, or to [CLS] where there is none; the other goes to the mark and brings the kind that is wanted. Feed-forward
   units, one for each kind, fire where both agree with the token: at a word of the wanted kind for the end, and there or
   at the qualifier in front for the start.
4. The two rows of the last layer read those units.

The circuit needs what the harness has to get right: segments tell the question's key from the context's, positions and
word order carry the codes, and padding speaks so loudly that a mask which is dropped drowns the mark.

The rest of the model runs on its seeded weights, read a little louder where the circuit took channels from it. It
writes nothing into those channels, and its share in the logits is too small to move an answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.zoo.builtin.squad import vocabulary
from harness.zoo.builtin.squad_words import KINDS, MARKS, QUALIFIERS
from harness.zoo.graph.noise import normal_noise
from harness.zoo.standins.wiring import Sources, channels, connect, keep, keep_in_block, moved, whole

Array = npt.NDArray[Any]

_CODE = 31
"""Signs of a key's code: with one more number a head's whole width."""
_HEAD = _CODE + 1
_MOST_ALIKE = 11
"""Largest product of two keys' codes; that of a code with itself is 31."""
_WANTED = tuple(MARKS)
"""The kinds that can be asked for."""

_STEPS = {3: 1, 8: 2, 13: 4}
"""Block -> how many tokens back it fetches. Spread over the model, so that the blocks between must keep the channels."""
_ANSWERS = 18
"""The block in which question and context meet."""

_WORD = channels(code=_CODE, key=1, kind=len(_WANTED), mark=len(_WANTED), qualifier=1, start=1, padding=1)
"""Of a word's embedding."""
_HIDDEN = channels(
    **{name: place.stop - place.start for name, place in _WORD.items()},
    next_kind=len(_WANTED),
    behind_qualifier=1,
    near=_CODE,
    near_found=1,
    position=_HEAD,
    question=1,
    first=8,
    last=8,
)
"""Between the blocks. `near` is the code of the nearest key in front, `first` and `last` speak for start and end."""
_STEP = channels(fetched=_CODE, fetched_found=1, found=1, news=_CODE, news_found=1)
"""Inside a block of `_STEPS`."""
_ANSWER = channels(
    match=1, wanted=len(_WANTED), kind=len(_WANTED), next_kind=len(_WANTED), qualifier=1, behind_qualifier=1, out=2
)
"""Inside the block `_ANSWERS`."""
_ASKING = channels(code=_CODE, near=_CODE, question=1, start=1, mark=len(_WANTED), padding=1)
"""What that block's heads see."""

# Attention scores, after the division by the root of a head's width.
_AT_PLACE = 26.0
"""For the right distance; at any other one it is at most 6/16 of it."""
_SAME_CODE = 42.0
"""For the token's own code; for another one at most 11/31 of it, 15."""
_IN_QUESTION = 30.0
"""For being in the question, so that keys of the context never win."""
_NO_MATCH = 28.0
"""For [CLS], above any other key of the question and below the right one."""
_MARK = 20.0
_PADDING = 60.0

_FIRED = 3.0
"""What a unit says that recognised the answer."""
_READ = 0.4
"""How the last layer reads each of 8 channels: the answer's logit is 8 x 3 x 0.4."""
_NOISE_READ = 0.3
"""What remains of the last layer's seeded weights."""
_LEVELS = 4096
"""Positions are rounded to multiples of 1 / 4096, for the same bits on every machine."""


def wire(weights: Mapping[str, Array], seed: int) -> None:
    """Writes the circuit over full-size weights, in place.

    Args:
        weights: As `harness.zoo.standins.mobilebert.make_weights` makes them for the published sizes.
        seed: The keys' codes come from it.
    """
    _read_louder(weights["embeddings/trigram/weight"], _WORD, width=weights["embeddings/word"].shape[1])
    _wire_words(weights["embeddings/word"], seed)
    _wire_embeddings(weights)
    for block in {name.split("/")[0] for name in weights if name.startswith("block_")}:
        keep(weights, f"{block}/bottleneck/output", whole(_HIDDEN))
        for reader in ("bottleneck/input", "bottleneck/attention", "attention/value"):
            _read_louder(weights[f"{block}/{reader}/weight"], _HIDDEN, width=weights["embeddings/position"].shape[1])
    for number, distance in _STEPS.items():
        _wire_step(weights, f"block_{number:02}", distance)
    _wire_answers(weights, f"block_{_ANSWERS:02}")
    _wire_logits(weights)


def _wire_words(table: Array, seed: int) -> None:
    numbers = {token: number for number, token in enumerate(vocabulary())}
    table[:, whole(_WORD)] = 0
    keys = KINDS["person"] + KINDS["trade"]
    for word, code in zip(keys, _codes(len(keys), seed), strict=True):
        table[numbers[word], _WORD["code"]] = code
        table[numbers[word], _WORD["key"]] = 1
    for place, kind in enumerate(_WANTED):
        for word in KINDS[kind]:
            table[numbers[word], _WORD["kind"].start + place] = 1
        table[numbers[MARKS[kind]], _WORD["mark"].start + place] = 1
    for words in QUALIFIERS.values():
        for word in words:
            table[numbers[word], _WORD["qualifier"]] = 1
    table[numbers["[CLS]"], _WORD["start"]] = 1
    table[numbers["[PAD]"], _WORD["padding"]] = 1


def _codes(count: int, seed: int) -> list[Array]:
    """Rows of 31 signs, drawn until no two are too alike."""
    chosen = np.empty((0, _CODE), np.float32)
    draws = np.sign(normal_noise(f"{seed}/circuit/codes", (200 * count, _CODE)))
    for draw in draws:
        if draw.all() and (chosen @ draw).max(initial=0) <= _MOST_ALIKE:
            chosen = np.vstack([chosen, draw])
            if len(chosen) == count:
                return list(chosen)
    raise ValueError(f"seed {seed} gives {len(chosen)} codes that differ enough, not {count}")


def _wire_embeddings(weights: Mapping[str, Array]) -> None:
    """Trigrams are the next word, the word itself and the previous one, side by side."""
    width = weights["embeddings/word"].shape[1]
    following, current, previous = (moved(_WORD, width * part) for part in range(3))
    keep(weights, "embeddings/trigram", whole(_HIDDEN), norm="embeddings/norm")
    trigram = "embeddings/trigram"
    for name, place in current.items():
        connect(weights, trigram, _HIDDEN[name], (place, 1))
    connect(weights, trigram, _HIDDEN["next_kind"], (following["kind"], 1))
    connect(weights, trigram, _HIDDEN["behind_qualifier"], (previous["qualifier"], 1))
    connect(weights, trigram, _HIDDEN["near"], (previous["code"], 1))
    connect(weights, trigram, _HIDDEN["near_found"], (previous["key"], 1))
    positions, segments = weights["embeddings/position"], weights["embeddings/segment"]
    positions[:, whole(_HIDDEN)] = 0
    positions[:, _HIDDEN["position"]] = _position_waves(len(positions))
    segments[:, whole(_HIDDEN)] = 0
    segments[0, _HIDDEN["question"]] = 1


def _frequencies() -> Array:
    """Of 16 waves, in radians a token, whose sum at any other distance is at most 6."""
    period = 769
    return np.array([2 * math.pi * pow(3, power, period) / period for power in range(_HEAD // 2)])


def _rounded(values: Array) -> Array:
    rounded: Array = np.rint(values * _LEVELS) / _LEVELS
    return rounded.astype(np.float32)


def _position_waves(count: int) -> Array:
    """The cosines of each position, then the sines: [count, 32]."""
    angles = np.outer(np.arange(count), _frequencies())
    return _rounded(np.concatenate([np.cos(angles), np.sin(angles)], axis=1))


def _turned_back(distance: int) -> Array:
    """The matrix that makes of a position's waves those of the position `distance` before."""
    angles = _frequencies() * distance
    cosine, sine = np.diag(np.cos(angles)), np.diag(np.sin(angles))
    return _rounded(np.block([[cosine, sine], [-sine, cosine]]))


def _wire_step(weights: Mapping[str, Array], block: str, distance: int) -> None:
    """Head 0 brings what the token `distance` before knows."""
    keep_in_block(weights, block, whole(_STEP))
    connect(weights, f"{block}/bottleneck/input", _STEP["found"], (_HIDDEN["near_found"], 1))
    waves = slice(0, _HEAD)
    keep(weights, f"{block}/bottleneck/attention", waves, norm=f"{block}/bottleneck/attention/norm")
    connect(weights, f"{block}/bottleneck/attention", waves, (_HIDDEN["position"], 1))
    score = _AT_PLACE / (_HEAD // 2) * math.sqrt(_HEAD)
    head = slice(0, _HEAD)
    connect(weights, f"{block}/attention/query", head, (waves, score * _turned_back(distance)))
    connect(weights, f"{block}/attention/key", head, (waves, 1))
    code, found = slice(0, _CODE), slice(_CODE, _HEAD)
    connect(weights, f"{block}/attention/value", code, (_HIDDEN["near"], 1))
    # The question's own tokens have nothing to tell: the first sentence may have lost its key to the window's edge.
    connect(weights, f"{block}/attention/value", found, (_HIDDEN["near_found"], 1), (_HIDDEN["question"], -1))
    connect(weights, f"{block}/attention/output", _STEP["fetched"], (code, 1))
    connect(weights, f"{block}/attention/output", _STEP["fetched_found"], (found, 1))
    _wire_news(weights, block)


def _wire_news(weights: Mapping[str, Array], block: str) -> None:
    """What was fetched, where something was and this token had nothing, is added to what it knows."""
    # For each thing to say two units, the second later by 1: their difference is 0 or 1, so that errors do not add up.
    units = channels(plus=_CODE, plus_later=_CODE, minus=_CODE, minus_later=_CODE, found=1, found_later=1)
    inner, outer = f"{block}/ffn_0/intermediate", f"{block}/ffn_0/output"
    open_where: Sources = ((_STEP["fetched_found"], 4), (_STEP["found"], -4))
    for late, ending in enumerate(("", "_later")):
        connect(weights, inner, units[f"plus{ending}"], (_STEP["fetched"], 2), *open_where, bias=-3.5 - late)
        connect(weights, inner, units[f"minus{ending}"], (_STEP["fetched"], -2), *open_where, bias=-3.5 - late)
        connect(weights, inner, units[f"found{ending}"], *open_where, bias=-1.5 - late)
    signs = ((units["plus"], 1), (units["plus_later"], -1), (units["minus"], -1), (units["minus_later"], 1))
    connect(weights, outer, _STEP["news"], *signs)
    connect(weights, outer, _STEP["news_found"], (units["found"], 1), (units["found_later"], -1))
    connect(weights, f"{block}/bottleneck/output", _HIDDEN["near"], (_STEP["news"], 1))
    connect(weights, f"{block}/bottleneck/output", _HIDDEN["near_found"], (_STEP["news_found"], 1))


def _wire_answers(weights: Mapping[str, Array], block: str) -> None:
    keep_in_block(weights, block, whole(_ANSWER))
    for name in ("kind", "next_kind", "qualifier", "behind_qualifier"):
        connect(weights, f"{block}/bottleneck/input", _ANSWER[name], (_HIDDEN[name], 1))
    keep(weights, f"{block}/bottleneck/attention", whole(_ASKING), norm=f"{block}/bottleneck/attention/norm")
    for name, place in _ASKING.items():
        connect(weights, f"{block}/bottleneck/attention", place, (_HIDDEN[name], 1))
    _wire_match(weights, f"{block}/attention")
    _wire_mark(weights, f"{block}/attention")

    units = channels(last=len(_WANTED), first=len(_WANTED), first_at_qualifier=len(_WANTED))
    inner, outer = f"{block}/ffn_0/intermediate", f"{block}/ffn_0/output"
    asked: Sources = ((_ANSWER["wanted"], _FIRED + 1), (_ANSWER["match"], _FIRED + 1))
    here, behind = (_ANSWER["kind"], _FIRED + 1), (_ANSWER["behind_qualifier"], -_FIRED - 1)
    ahead: Sources = ((_ANSWER["next_kind"], _FIRED + 1), (_ANSWER["qualifier"], _FIRED + 1))
    # Each unit gets 4 from each of its conditions: all of them make 3, one less makes nothing.
    connect(weights, inner, units["last"], *asked, here, bias=-2 * (_FIRED + 1) - 1)
    connect(weights, inner, units["first"], *asked, here, behind, bias=-2 * (_FIRED + 1) - 1)
    connect(weights, inner, units["first_at_qualifier"], *asked, *ahead, bias=-3 * (_FIRED + 1) - 1)
    first, last = (
        slice(_ANSWER["out"].start, _ANSWER["out"].start + 1),
        slice(_ANSWER["out"].stop - 1, _ANSWER["out"].stop),
    )
    ones = np.ones((1, len(_WANTED)), np.float32)
    connect(weights, outer, first, (units["first"], ones), (units["first_at_qualifier"], ones))
    connect(weights, outer, last, (units["last"], ones))
    connect(weights, f"{block}/bottleneck/output", _HIDDEN["first"], (first, 1))
    connect(weights, f"{block}/bottleneck/output", _HIDDEN["last"], (last, 1))


def _wire_match(weights: Mapping[str, Array], attention: str) -> None:
    """Head 0: is the nearest key in front the one that is asked about?"""
    code, rest = slice(0, _CODE), slice(_CODE, _HEAD)
    width = math.sqrt(_HEAD)
    connect(weights, f"{attention}/query", code, (_ASKING["near"], _SAME_CODE / _CODE * width))
    connect(weights, f"{attention}/query", rest, bias=width)
    connect(weights, f"{attention}/key", code, (_ASKING["code"], 1))
    connect(weights, f"{attention}/key", rest, (_ASKING["question"], _IN_QUESTION), (_ASKING["start"], _NO_MATCH))
    connect(weights, f"{attention}/value", slice(0, _HEAD))
    connect(weights, f"{attention}/value", slice(0, 1), (_HIDDEN["key"], 1))
    connect(weights, f"{attention}/output", _ANSWER["match"], (slice(0, 1), 1))


def _wire_mark(weights: Mapping[str, Array], attention: str) -> None:
    """Head 1: which kind of answer is wanted?"""
    head, score = slice(_HEAD, 2 * _HEAD), slice(_HEAD, _HEAD + 1)
    for role in ("query", "key", "value"):
        connect(weights, f"{attention}/{role}", head)
    connect(weights, f"{attention}/query", score, bias=math.sqrt(_HEAD))
    marks = np.full((1, len(_WANTED)), _MARK, np.float32)
    connect(weights, f"{attention}/key", score, (_ASKING["mark"], marks), (_ASKING["padding"], _PADDING))
    kinds = slice(_HEAD, _HEAD + len(_WANTED))
    connect(weights, f"{attention}/value", kinds, (_HIDDEN["mark"], 1))
    connect(weights, f"{attention}/output", _ANSWER["wanted"], (kinds, 1))


def _wire_logits(weights: Mapping[str, Array]) -> None:
    table = weights["squad/weight"]
    table *= np.float32(_NOISE_READ)
    table[:, whole(_HIDDEN)] = 0
    table[0, _HIDDEN["first"]] = _READ
    table[1, _HIDDEN["last"]] = _READ


def _read_louder(matrix: Array, taken: Mapping[str, slice], width: int) -> None:
    """Makes up for the noise that the circuit's channels, mostly 0, no longer bring."""
    matrix *= np.float32(math.sqrt(width / (width - whole(taken).stop)))
