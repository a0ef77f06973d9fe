"""What a model keeps from one run to the next, told from its file.

A recurrent model's variable tensors, the resource variables of a streaming one, hash tables, which keep what they are filled
with first, and the generators of random ops live on in an interpreter, so that an answer depends on what was asked before.
`Interpreter.reset_all_variables` puts variable tensors back and nothing else (LiteRT 2.3.0, tried): the rest is only as it was
in an interpreter that was opened anew.

What CALL_ONCE calls makes variables and tables ready before anything reads them, and is no state by itself. It is where it is
reached after that, or by some inputs alone; and where it draws numbers without a seed, which are others each time that it is
opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backends.litert.file.custom_ops import is_select
from backends.litert.file.model_file import ModelFile, Operator

_ONCE = "CALL_ONCE"
_READS = {"READ_VARIABLE", "HASHTABLE_FIND", "HASHTABLE_SIZE"}
_ASSIGNS, _FILLS = {"ASSIGN_VARIABLE"}, {"HASHTABLE_IMPORT"}
_DRAWS = {"MULTINOMIAL", "RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM"}
_FLEX_READS = ("ReadVariable", "LookupTableFind", "LookupTableSize", "LookupTableExport")
_FLEX_ASSIGNS = ("Assign", "ResourceScatter", "ResourceApply", "ResourceSparseApply")
_FLEX_FILLS = ("LookupTableImport", "LookupTableInsert", "LookupTableRemove", "InitializeTable")
_FLEX_DRAWS = (
    "Random",
    "Multinomial",
    "Shuffle",
    "TruncatedNormal",
    "StatefulUniform",
    "StatefulStandardNormal",
    "CandidateSampler",
    "SampleDistortedBoundingBox",
)
_FLEX_COMPUTES = "Stateless"
"""In the names of those that draw by a seed that they are given."""


@dataclass(frozen=True, slots=True)
class HiddenState:
    """What lives on in an interpreter."""

    variables: int = 0
    """Variable tensors, which can be reset."""
    resources: tuple[str, ...] = ()
    """Ops that write resource variables while the model runs."""
    tables: tuple[str, ...] = ()
    """Ops that fill hash tables while it runs: a table that is full takes nothing more."""
    draws: tuple[str, ...] = ()
    """Ops that draw random numbers, each from a generator of its own."""
    unseeded: tuple[str, ...] = ()
    """Of these, ops that have no seed, as far as the file tells: what they draw is another each time that it is opened."""
    untold: bool = False
    """Something that the file does not tell of, seen by the answers: what custom ops and other backends keep."""

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.variables or self.only_anew or self.untold)

    @property
    def only_anew(self) -> bool:
        """Whether it takes another interpreter to put it back."""
        return bool(self.resources or self.tables or self.draws)

    def __str__(self) -> str:
        """In a sentence."""
        tensors = f"{self.variables} variable tensor{'s' * (self.variables != 1)}" if self.variables else ""
        written = f"resource variables ({', '.join(self.resources)})" if self.resources else ""
        filled = f"hash tables ({', '.join(self.tables)})" if self.tables else ""
        drawn = f"random numbers ({', '.join(self.draws)})" if self.draws else ""
        untold = "something that its file does not tell of" if self.untold else ""
        return " and ".join(filter(None, (tensors, written, filled, drawn, untold))) or "nothing"


def hidden_state(model: ModelFile, main: int = 0) -> HiddenState:
    """What the graph that runs, and those that it calls, keep from one run to the next.

    Args:
        model: The file.
        main: The graph that runs.
    """
    graphs = _run_each_time(model, main)
    operators = [operator for number in graphs for operator in model.subgraphs[number].operators]
    late = [each for once in _late(model, main, graphs) for each in _called_once(model, once)]
    first = [each for once in operators for each in _called_once(model, once) if not each.seeded]
    return HiddenState(
        sum(tensor.is_variable for number in graphs for tensor in model.subgraphs[number].tensors),
        _named([*operators, *late], _ASSIGNS, _FLEX_ASSIGNS),
        _named([*operators, *late], _FILLS, _FLEX_FILLS),
        _named([*operators, *first], _DRAWS, _FLEX_DRAWS),
        # What TensorFlow's own have for seeds is in options of theirs.
        _named([each for each in (*operators, *first) if not each.seeded], _DRAWS, ()),
    )


def _run_each_time(model: ModelFile, main: int) -> list[int]:
    """The graphs that a run goes through, without those that CALL_ONCE calls."""
    found, left = [main], [main]
    while left:
        for operator in model.subgraphs[left.pop()].operators:
            called = () if operator.name == _ONCE else operator.subgraphs
            new = [each for each in dict.fromkeys(called) if each not in found]
            found += new
            left += new
    return found


def _called_once(model: ModelFile, operator: Operator) -> Iterator[Operator]:
    """What a CALL_ONCE runs; nothing for another op."""
    for number in operator.subgraphs if operator.name == _ONCE else ():
        yield from model.subgraphs[number].operators


def _late(model: ModelFile, main: int, graphs: Sequence[int]) -> Iterator[Operator]:
    """The CALL_ONCEs that other queries than the first may reach first, or before which the first has read already."""
    may_have_read = False
    for operator in model.subgraphs[main].operators:
        if operator.name != _ONCE:
            may_have_read |= bool(operator.subgraphs or _named([operator], _READS, _FLEX_READS))
        elif may_have_read:
            yield operator
    for number in graphs[1:]:
        yield from (operator for operator in model.subgraphs[number].operators if operator.name == _ONCE)


def _named(operators: list[Operator], names: set[str], of_flex: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the ops that are of a kind."""
    found = {
        operator.name
        for operator in operators
        if (_of_flex(operator.name, of_flex) if operator.code.custom else operator.name in names)
    }
    return tuple(sorted(found))


def _of_flex(name: str, parts: tuple[str, ...]) -> bool:
    """Whether a custom op is TensorFlow's, and of a kind that has this in its name."""
    return is_select(name) and _FLEX_COMPUTES not in name and any(part in name for part in parts)
