"""A question answering set of our own, in SQuAD's format, with a WordPiece vocabulary of our own.

It serves where SQuAD is not there, and a stand-in model answers it. What holds of every context and question, so that
answering takes the kind of the answer and the thing asked about, and nothing else:

* Each context is a list of facts. A fact joins a key to an answer: "Marta lives in Upper Oslo." The key is a person, or a
  trade where the answer is a person ("The baker is Marta.").
* The answer is the first word of its kind behind its key within the sentence, with at most six words between; for the
  kinds of `QUALIFIERS` a qualifier stands in front of it and belongs to the answer, which then starts at one word and
  ends at another.
* No other person or trade stands between a key and its answer: the nearest one in front of an answer is its key.
* A question holds its key once and exactly one mark (`MARKS`): the word that tells the kind of answer it wants. Marks
  occur in no context. A context holds several words of the wanted kind, and one of them is right.
* The words of `KINDS` and `QUALIFIERS` belong to one of them only, occur nowhere in the sentences' fixed parts, and are
  one vocabulary token each, as marks and all other words of the set are.
* The two parts, `fit` and `test`, share no word of any kind, hence no name, no number and no sentence with a fact.
"""

from __future__ import annotations

import json
import os
import random
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

_T = TypeVar("_T")
Part = Literal["fit", "test"]

PARTS: tuple[Part, ...] = ("fit", "test")
VOCABULARY_SIZE = 30_522
SPECIAL_TOKENS: Mapping[int, str] = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


KINDS: Mapping[str, tuple[str, ...]] = {
    "person": _words(
        "adela agnes albert alma amos anton astrid benno bertha bruno carla cedric clara conrad cosima dagny dario della"
        " edgar edith elmo elsa emil enzo erwin esther ezra fabian felix fiona frida gerda gideon greta gustav hanna"
        " hector heidi helga henrik hilda hugo ida igor ingrid irma ivan ivo jakob jasper jens jonas judith karin kaspar"
        " klara knut lars lena leo linus lorenz lotte lukas magda marta matilda max milo mona moritz nadia nils nora"
        " olga oskar otto paula petra rafael ralf regina rita roland rufus sabine selma sigrid silas silvia stefan sven"
        " tara thea theo tilda tobias ulla ursula vera viktor wanda werner wilma xaver yvonne zelda"
    ),
    "place": _words(
        "aberdeen antwerp athens bergen berlin bilbao bologna bremen bristol bruges cairo calais cardiff cologne dakar"
        " delft dresden dublin dundee edinburgh essen geneva genoa ghent glasgow graz hanover havana helsinki kiel kyoto"
        " leeds leiden lima lisbon lyon madrid malmo milan munich nairobi naples osaka oslo palermo porto prague quebec"
        " riga rome seoul seville siena tallinn tokyo toledo turin utrecht verona vienna vilnius warsaw york zurich"
    ),
    "year": tuple(str(year) for year in range(1800, 2000)),
    "count": tuple(str(count) for count in range(2, 100)),
    "colour": _words(
        "amber beige black blue bronze brown crimson cyan gold green grey indigo ivory khaki lilac magenta maroon mauve"
        " navy ochre pink purple red scarlet silver teal turquoise violet white yellow"
    ),
    "instrument": _words(
        "accordion bagpipe banjo bassoon cello clarinet cornet drum dulcimer fiddle flute guitar harmonica harp horn lute"
        " lyre mandolin oboe organ piano piccolo recorder saxophone sitar tambourine trombone trumpet tuba ukulele viola"
        " violin xylophone zither"
    ),
    "animal": _words(
        "alpacas bees bulls camels canaries cats cows dogs donkeys doves ducks falcons ferrets geese goats hamsters hares"
        " hens horses llamas mice mules owls oxen parrots peacocks pigeons pigs ponies rabbits ravens sheep swans turkeys"
    ),
    "fruit": _words(
        "apples apricots bananas blackberries blueberries cherries coconuts currants dates figs gooseberries grapes guavas"
        " kiwis lemons limes mangoes melons nectarines olives papayas peaches pears persimmons pineapples plums"
        " pomegranates pumpkins quinces raspberries strawberries tangerines"
    ),
    "trade": _words(
        "architect baker barber blacksmith butcher carpenter cobbler cooper dentist doctor farmer ferryman fisherman"
        " gardener glazier hatter hunter innkeeper joiner judge librarian locksmith mason mayor miller miner notary nurse"
        " painter pharmacist plumber porter postman potter printer roofer saddler sailor shepherd surgeon tailor tanner"
        " teacher thatcher tiler watchmaker weaver"
    ),
}
"""Every word a fact may hold, by kind, both parts; lower case as in the vocabulary. Even places are fit's, odd test's."""

QUALIFIERS: Mapping[str, tuple[str, ...]] = {
    "place": _words("east eastern great greater lower new north northern outer south southern upper west western"),
    "year": _words("april august december february january july june march may november october september"),
    "colour": _words("bright dark deep dull faint light pale pure rich soft"),
    "instrument": _words("alto antique bass carved electric silent tenor toy"),
    "animal": _words("fat healthy lame nervous prize tame wild young"),
    "fruit": _words("bitter dwarf juicy mellow ripe sour sweet tart"),
}
"""Words that stand in front of those of a kind, and belong to the answer. Even places are fit's, odd test's."""

MARKS: Mapping[str, str] = {
    "person": "who",
    "place": "where",
    "year": "when",
    "count": "many",
    "colour": "colour",
    "instrument": "instrument",
    "animal": "animal",
    "fruit": "fruit",
}
"""The word of a question that tells the kind of its answer."""

_QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "person": ("Who is the {key}?", "Who works here as the {key}?"),
    "place": ("Where does {key} live?", "Where is the house of {key}?"),
    "year": ("When was {key} born?", "When did the life of {key} begin?"),
    "count": ("How many animals does {key} keep?", "How many animals are there in the yard of {key}?"),
    "colour": ("What colour is the coat of {key}?", "Which colour does {key} wear?"),
    "instrument": ("Which instrument does {key} play?", "What is the instrument that {key} learned?"),
    "animal": ("Which animal does {key} keep?", "What kind of animal lives with {key}?"),
    "fruit": ("Which fruit does {key} grow?", "What fruit comes from the garden of {key}?"),
}
_FACTS: Sequence[tuple[tuple[str, ...], tuple[str, ...]]] = (
    (("person",), ("The {key} is {person}.", "Our {key} goes by the name of {person}.")),
    (("place",), ("{key} lives in {place}.", "The house of {key} stands not far from {place}.")),
    (("year",), ("{key} was born in {year}.", "{key} came into the world in {year}.")),
    (
        ("count", "animal"),
        ("{key} keeps {count} {animal}.", "Behind the house {key} has a yard with {count} {animal}."),
    ),
    (("colour",), ("{key} wears a coat in {colour}.", "The coat that {key} wears on Sundays is {colour}.")),
    (("instrument",), ("{key} plays the {instrument}.", "As a child {key} learned to play the {instrument}.")),
    (("fruit",), ("{key} grows {fruit}.", "In the garden of {key} there are {fruit} in summer.")),
)
"""What may be said of a person, or of a trade where the answer is a person, and which kinds of answer it gives."""

_SEEDS: Mapping[Part, int] = {"fit": 1, "test": 2}
_SHORT_CONTEXTS, _LONG_CONTEXTS = 9, 5  # so many long ones that a wrong stride between windows costs
_SHORT_PEOPLE, _LONG_PEOPLE = 5, 12
_FIRST_WORD = 999  # as in BERT's vocabularies, what comes before is special or unused

_COMMON_WORDS = _words(
    "a about above after again against all almost along already also always am among an and another any are around as ask"
    " at away back bad be became because become been before began begin behind being below best better between big book"
    " both boy bring but by called came can car child children church city close come comes could country course cut day"
    " days did do does done door down during each early earth eat end enough even ever every eye face fact family far"
    " father few find first five follow food foot for found four friend from front full garden gave get girl give go goes"
    " good great ground group grow had half hand hard has have he head hear help her here high him his home hot hour house"
    " how i if in into is it its just keep kept kind king knew know land large last later learn learned left less let"
    " letter life light like line list little live lived lives living long look lost low made make man means men might"
    " mile more morning most mother mountain move much music must my name near never new next night no north not nothing"
    " now number of off often old on once one only open or order other our out over own page paper part people perhaps"
    " place plan plant play point put question quick quite rain ran read real right river road room run said same saw say"
    " school sea second see seem seen set seven she ship short should show side since six small snow so some song soon"
    " south stand stands start state still stop story street such summer sun sundays sure table take talk tell ten than"
    " that the their them then there these they thing think third this those thought three through time to today together"
    " told too took town travel tree true try turn two under until up us use very village voice wait walk wall want war"
    " warm was watch water way we week well went were west what which while why will wind winter wish with without woman"
    " wood word work works world would write yard year years yes yet you young your"
)
_COMMON_ENDINGS = _words(
    "able ably age al ally ance ant ary ate ation ed en ence ent er ers ery es est ful ian ible ic ical ing ings ion ish"
    " ism ist ity ive ize less like ly man ment ness or ous s ship sion some th tion ty ward wise y"
)


def write_builtin_squad(folder: Path, part: Part = "test") -> Path:
    """Writes one part of the set, and the vocabulary, into a folder. Equal calls write equal bytes.

    Args:
        folder: Made if it is not there.
        part: `test`, or `fit` for what a model may be fitted to.

    Returns:
        The JSON file's path; `vocab.txt` lies beside it.

    Raises:
        ValueError: There is no such part.
        OSError: The folder cannot be written.
    """
    data = builtin_squad(part)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "vocab.txt", "".join(f"{token}\n" for token in vocabulary()))
    path = folder / f"builtin-{part}-v1.1.json"
    _write(path, json.dumps(data, indent=1) + "\n")
    return path


def builtin_squad(part: Part = "test") -> dict[str, Any]:
    """One part of the set as SQuAD's JSON has it.

    Raises:
        ValueError: There is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"the built-in set has no part {part!r}; there are {', '.join(PARTS)}")
    chance = _Chance(_SEEDS[part])
    sizes = [_SHORT_PEOPLE] * _SHORT_CONTEXTS + [_LONG_PEOPLE] * _LONG_CONTEXTS
    paragraphs = [_paragraph(part, number, size, chance) for number, size in enumerate(sizes)]
    return {"version": "1.1", "data": [{"title": f"Village registers ({part})", "paragraphs": paragraphs}]}


def kind_words(kind: str, part: Part) -> list[str]:
    """The words of a kind that one part uses."""
    return list(KINDS[kind][PARTS.index(part) :: len(PARTS)])


def qualifier_words(kind: str, part: Part) -> list[str]:
    """The qualifiers of a kind that one part uses; none for a kind whose answers are one word."""
    return list(QUALIFIERS.get(kind, ())[PARTS.index(part) :: len(PARTS)])


def vocabulary() -> list[str]:
    """The 30,522 tokens, in order of their ids: our words, letters, pieces of words; the rest unused."""
    letters = string.ascii_lowercase
    tokens = dict.fromkeys([*string.punctuation, *string.digits, *letters])
    tokens |= dict.fromkeys(f"##{character}" for character in string.digits + letters)
    tokens |= dict.fromkeys(_set_words())
    tokens |= dict.fromkeys(word for kind in KINDS.values() for word in kind)
    tokens |= dict.fromkeys(word for words in QUALIFIERS.values() for word in words)
    tokens |= dict.fromkeys(_COMMON_WORDS)
    tokens |= dict.fromkeys(f"##{ending}" for ending in _COMMON_ENDINGS)
    tokens |= dict.fromkeys(f"##{first}{second}" for first in letters for second in letters)
    tokens |= dict.fromkeys(f"{first}{second}" for first in letters for second in letters)
    words = iter(tokens)
    unused = (f"[unused{number}]" for number in range(VOCABULARY_SIZE))
    found = []
    for index in range(VOCABULARY_SIZE):
        word = SPECIAL_TOKENS.get(index) or (next(words, None) if index >= _FIRST_WORD else None)
        found.append(word or next(unused))
    return found


class _Fact(NamedTuple):
    sentence: str
    key: str
    answers: Mapping[str, str]
    """Kind to the answer's words, as written in the sentence."""


class _Chance:
    """Draws that stay the same in every version of Python: of its generator only random() promises that."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pick(self, choices: Sequence[_T]) -> _T:
        return choices[int(self._random.random() * len(choices))]

    def draw(self, choices: Sequence[_T], count: int) -> list[_T]:
        """`count` different ones, in a new order."""
        rest = list(choices)
        return [rest.pop(int(self._random.random() * len(rest))) for _ in range(count)]


def _paragraph(part: Part, number: int, people: int, chance: _Chance) -> dict[str, Any]:
    facts = list(_facts(part, people, chance))
    facts = chance.draw(facts, len(facts))
    context = ""
    starts = []
    for fact in facts:
        starts.append(len(context))
        context += f"{fact.sentence} "
    qas = []
    for kind in MARKS:
        fact, start = chance.pick([pair for pair in zip(facts, starts, strict=True) if kind in pair[0].answers])
        answer = fact.answers[kind]
        # Behind the key, in whose name a short word may hide.
        answer_start = start + fact.sentence.rindex(answer)
        question = chance.pick(_QUESTIONS[kind]).format(key=fact.key)
        answers = [{"answer_start": answer_start, "text": answer}]
        qas.append({"id": f"{part}-{number:02}-{kind}", "question": question, "answers": answers})
    return {"context": context.rstrip(), "qas": qas}


def _facts(part: Part, people: int, chance: _Chance) -> Iterator[_Fact]:
    persons = [word.capitalize() for word in chance.draw(kind_words("person", part), people)]
    trades = chance.draw(kind_words("trade", part), people)
    for kinds, forms in _FACTS:
        told = people - 1  # nothing is told of everyone, so that no kind can be answered by elimination
        if kinds == ("person",):
            pairs = list(zip(trades, persons, strict=True))
            for key, person in chance.draw(pairs, told):
                yield _Fact(chance.pick(forms).format(key=key, person=person), key, {"person": person})
            continue
        words = [chance.draw(kind_words(kind, part), told) for kind in kinds]
        for key, *found in zip(chance.draw(persons, told), *words, strict=True):
            answers = {
                kind: _written(kind, word, qualifier_words(kind, part), chance)
                for kind, word in zip(kinds, found, strict=True)
            }
            yield _Fact(chance.pick(forms).format(key=key, **answers), key, answers)


def _written(kind: str, word: str, qualifiers: Sequence[str], chance: _Chance) -> str:
    words = [chance.pick(qualifiers), word] if qualifiers else [word]
    if kind == "place":
        words = [one.capitalize() for one in words]
    elif kind == "year":
        words[0] = words[0].capitalize()
    return " ".join(words)


def _set_words() -> list[str]:
    """The words of the sentences' and questions' fixed parts."""
    texts = [form for _, forms in _FACTS for form in forms] + [form for forms in _QUESTIONS.values() for form in forms]
    return re.findall("[a-z]+", re.sub(r"{\w+}", " ", " ".join(texts)).lower())


def _write(path: Path, text: str) -> None:
    """A whole file or none: under another name first, then renamed."""
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
