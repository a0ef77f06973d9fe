"""What a model keeps from one run to the next, told from its file.

A recurrent model's variable tensors, the resource variables of a streaming one and the generators of random ops live on in an
interpreter, so that an answer depends on what was asked before. `Interpreter.reset_all_variables` puts variable tensors back
and nothing else (LiteRT 2.3.0, tried): the rest is only as it was in an interpreter that was opened anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from backends.litert.file.custom_ops import is_select
from backends.litert.file.model_file import ModelFile, Operator

_ASSIGNS = {"ASSIGN_VARIABLE"}
_DRAWS = {"MULTINOMIAL", "RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM"}
_FLEX_ASSIGNS, _FLEX_DRAWS = ("Assign", "ScatterUpdate"), ("Random", "Multinomial", "Shuffle")


@dataclass(frozen=True, slots=True)
class HiddenState:
    """What lives on in an interpreter."""

    variables: int = 0
    """Variable tensors, which can be reset."""
    resources: tuple[str, ...] = ()
    """Ops that write resource variables while the model runs."""
    draws: tuple[str, ...] = ()
    """Ops that draw random numbers, each from a generator of its own."""
    untold: bool = False
    """Something that the file does not tell of, seen by the answers: what custom ops and other backends keep."""

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.variables or self.resources or self.draws or self.untold)

    @property
    def only_anew(self) -> bool:
        """Whether it takes another interpreter to put it back."""
        return bool(self.resources or self.draws)

    def __str__(self) -> str:
        """In a sentence."""
        tensors = f"{self.variables} variable tensor{'s' * (self.variables != 1)}" if self.variables else ""
        written = f"resource variables ({', '.join(self.resources)})" if self.resources else ""
        drawn = f"random numbers ({', '.join(self.draws)})" if self.draws else ""
        untold = "something that its file does not tell of" if self.untold else ""
        return " and ".join(filter(None, (tensors, written, drawn, untold))) or "nothing"


def hidden_state(model: ModelFile, main: int = 0) -> HiddenState:
    """What the graph that runs, and those that it calls, keep from one run to the next.

    Args:
        model: The file.
        main: The graph that runs.
    """
    graphs = _run_each_time(model, main)
    operators = [operator for number in graphs for operator in model.subgraphs[number].operators]
    return HiddenState(
        sum(tensor.is_variable for number in graphs for tensor in model.subgraphs[number].tensors),
        _named(operators, _ASSIGNS, _FLEX_ASSIGNS),
        _named(operators, _DRAWS, _FLEX_DRAWS),
    )


def _run_each_time(model: ModelFile, main: int) -> list[int]:
    """The graphs that a run goes through; what CALL_ONCE calls makes the variables ready and is no part of it."""
    found, left = [main], [main]
    while left:
        for operator in model.subgraphs[left.pop()].operators:
            called = () if operator.name == "CALL_ONCE" else operator.subgraphs
            new = [each for each in dict.fromkeys(called) if each not in found]
            found += new
            left += new
    return found


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
    return is_select(name) and any(part in name for part in parts)
