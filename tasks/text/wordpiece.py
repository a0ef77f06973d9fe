"""BERT's uncased WordPiece tokens, from a vocabulary file with one token a line.

Words are made plain by `accuracy.answers.squad_text`, character by character as google-research/bert's tokenization.py does by
Python's own tables of Unicode. `tokenizers` would drop private and unassigned characters, those that are newer than its tables
among them; it cuts the plain tokens into pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from accuracy.answers.squad_text import basic_tokens
from accuracy.outside.text_files import NotText, lines_of, read_text
from tasks.base import DataMissing

PAD, UNKNOWN, START, SEPARATOR = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
_MAX_CHARACTERS_OF_A_WORD = 200  # google-research/bert tokenization.py; `tokenizers` itself would take 100


class Pieces(NamedTuple):
    """A tokenised text."""

    tokens: list[str]
    ids: list[int]
    words: npt.NDArray[np.int32]
    """[tokens]: which of the words given each token is a piece of."""

    def first(self, count: int) -> Pieces:
        """The first `count` tokens."""
        return Pieces(self.tokens[:count], self.ids[:count], self.words[:count])


class WordPiece:
    """A tokeniser bound to its vocabulary."""

    def __init__(self, vocab: Path) -> None:
        """Reads the vocabulary.

        Raises:
            DataMissing: The file is absent, not UTF-8, has a token twice, or lacks one of BERT's special tokens.
        """
        from tokenizers import Tokenizer, models, pre_tokenizers

        self.path = vocab
        self._ids = _read_vocab(vocab)
        model = models.WordPiece(self._ids, unk_token=UNKNOWN, max_input_chars_per_word=_MAX_CHARACTERS_OF_A_WORD)
        self._tokenizer = Tokenizer(model)
        self._tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()

    def __len__(self) -> int:
        """Size of the vocabulary."""
        return len(self._ids)

    def id_of(self, token: str) -> int:
        """The id of a token of the vocabulary."""
        return self._ids[token]

    def pieces(self, words: Sequence[str]) -> Pieces:
        """The tokens of `words`, each tokenised by itself."""
        encoding = self._tokenizer.encode(list(map(_plain, words)), is_pretokenized=True, add_special_tokens=False)
        return Pieces(encoding.tokens, encoding.ids, np.array(encoding.word_ids, np.int32))


@lru_cache(maxsize=1 << 16)  # a set's texts are made of few words
def _plain(word: str) -> str:
    return " ".join(basic_tokens(word))


def _read_vocab(path: Path) -> dict[str, int]:
    try:
        lines = lines_of(read_text(path))
    except OSError as error:
        raise DataMissing(f"the vocabulary {path} cannot be read: {error.strerror}") from None
    except NotText as error:
        raise DataMissing(f"the vocabulary {path} is not UTF-8: {error}") from None
    ids: dict[str, int] = {}
    for number, line in enumerate(lines):
        token = line.strip() or line  # as BERT's own reader: blanks around a token are none of it
        if token in ids:
            raise DataMissing(f"the vocabulary {path} has {token!r} twice, in lines {ids[token] + 1} and {number + 1}")
        ids[token] = number
    if missing := [token for token in (PAD, UNKNOWN, START, SEPARATOR) if token not in ids]:
        raise DataMissing(f"{path} is no BERT vocabulary ({len(ids)} lines): it lacks {', '.join(missing)}")
    return ids
