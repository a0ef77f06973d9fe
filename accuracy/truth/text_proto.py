"""A small reader of protocol buffers in text form, as the MLPerf mobile app keeps its ground truth (coco_val.pbtxt).

It needs no schema: every field becomes a list, since the text does not say which fields repeat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

Message = dict[str, list["Value"]]
"""Field name -> its values in file order."""


class Value(NamedTuple):
    """One value of a field and where it stands."""

    content: Message | str | float | int
    """A message, a string, a number, or the name of an enum value (`true` and `false` too) as a string."""
    line: int


class TextProtoError(Exception):
    """Text that is not a protocol buffer in text form; the message opens with the line."""


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<number>-?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?|inf(?:inity)?\b|nan\b))
      | (?P<name>[A-Za-z_][A-Za-z0-9_.]*)
      | (?P<mark>[{}<>:;,\[\]])""",
    re.VERBOSE | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_CLOSING = {"{": "}", "<": ">"}
_MAX_DEPTH = 64


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def parse_text_proto(text: str) -> Message:
    """Parses one message.

    Args:
        text: The whole file.

    Raises:
        TextProtoError: The text is cut, or has something else than fields in it.
    """
    return _Parser(text).message("", 0)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = next(self._tokens)

    def message(self, closing: str, depth: int) -> Message:
        """Fields up to `closing` ("" for the end of the file)."""
        if depth > _MAX_DEPTH:
            raise TextProtoError(f"line {self._next.line}: messages are nested deeper than {_MAX_DEPTH}")
        fields: Message = {}
        while True:
            token = self._take()
            if token.text == closing and token.kind in ("mark", "end"):
                return fields
            if token.kind != "name":
                wanted = f"a field or {closing!r}" if closing else "a field"
                raise TextProtoError(f"line {token.line}: expected {wanted}, found {_shown(token)}")
            fields.setdefault(token.text, []).extend(self._values(token, depth))
            if self._next.text in (";", ",") and self._next.kind == "mark":
                self._take()

    def _values(self, field: _Token, depth: int) -> list[Value]:
        colon = self._skip(":")
        if self._skip("["):
            values: list[Value] = []
            while not self._skip("]"):
                values.append(self._value(field, True, depth))
                if not self._skip(",") and self._next.text != "]":
                    raise TextProtoError(f"line {self._next.line}: expected ',' or ']', found {_shown(self._next)}")
            return values
        return [self._value(field, colon, depth)]

    def _value(self, field: _Token, colon: bool, depth: int) -> Value:
        token = self._take()
        if token.kind == "mark" and token.text in _CLOSING:
            return Value(self.message(_CLOSING[token.text], depth + 1), token.line)
        if not colon or token.kind not in ("string", "number", "name"):
            raise TextProtoError(f"line {token.line}: expected a value of {field.text}, found {_shown(token)}")
        if token.kind == "string":
            text = _unquoted(token.text)
            while self._next.kind == "string":  # as in C, neighbours are one string
                text += _unquoted(self._take().text)
            return Value(text, token.line)
        return Value(_number(token.text) if token.kind == "number" else token.text, token.line)

    def _take(self) -> _Token:
        token = self._next
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def _skip(self, mark: str) -> bool:
        if self._next.kind == "mark" and self._next.text == mark:
            self._take()
            return True
        return False


def _tokens(text: str) -> Iterator[_Token]:
    line, position = 1, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise TextProtoError(f"line {line}: {text[position]!r} does not belong here")
        position = match.end()
        kind = str(match.lastgroup)
        if kind == "newline":
            line += 1
        elif kind != "space":
            yield _Token(kind, match.group(), line)
    yield _Token("end", "", line)


def _shown(token: _Token) -> str:
    return "the end of the file" if token.kind == "end" else repr(token.text)


def _number(text: str) -> float | int:
    lowered = text.lower()
    if lowered.lstrip("-").startswith("0x"):
        return int(lowered, 16)
    try:
        return int(lowered)
    except ValueError:
        return float(lowered if "inf" in lowered else lowered.rstrip("f"))


def _unquoted(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        octal, hexadecimal, letter = match.groups()
        if octal:
            return chr(int(octal, 8))
        return chr(int(hexadecimal, 16)) if hexadecimal else _ESCAPED.get(letter, letter)

    return _ESCAPE.sub(replace, text[1:-1])
