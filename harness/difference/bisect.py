"""The first tensor at which two ways to run one graph part, found by cutting the graph and running what is left both ways.

To show every tensor at once would be another graph to a delegate, which fuses and claims what it likes: a cut is run as both
sides are configured, and where a delegate then chooses otherwise than in the whole graph, that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backends.base import Array, Backend, BackendUnavailable, ModelRejected, TensorSpec
from backends.litert.copies.cut import write_cut
from backends.litert.file.model_file import ModelFile, Operator
from backends.litert.file.model_reader import read_model
from backends.litert.loading import first_line
from harness.difference.record import Bisected, Culprit
from harness.difference.side import AnsweringSide
from harness.errors import ConfigError
from harness.messages.conversation import Hear, Progressed
from harness.model.comparison import OutputErrors, Tolerance
from harness.model.opening import Recipe
from harness.model.parity import compare
from harness.scratch_folder import ScratchFolder

_NOT_COMPARED = frozenset({"resource", "variant", "string"})
"""Types of tensors that hold no numbers."""

_WITHIN = "every output is within the tolerance, also on the inputs on which it was furthest off"
_NOT_AGAIN = (
    "what spoilt the figures did not come again on the inputs of the same runs, as of a model that draws numbers itself or "
    "keeps a state (--state reset puts it back)"
)


@dataclass(frozen=True, slots=True)
class _JudgedCut:
    """One cut."""

    beyond: tuple[int, ...]
    """Outputs of the operator, by place, that are beyond the tolerance."""
    why: tuple[str, ...]
    errors: tuple[OutputErrors, ...]
    refused: str = ""
    """Why a side did not run it."""
    nan: tuple[int, ...] = ()
    """How many values of each output are NaN on both sides, over all runs; () where the two differ."""

    def wrong(self, *, nan: bool) -> tuple[int, ...]:
        """Outputs that are what is searched: beyond the tolerance, or with NaN on both sides."""
        return tuple(place for place, count in enumerate(self.nan) if count) if nan else self.beyond


def bisect(
    test: AnsweringSide,
    reference: AnsweringSide,
    inputs: Sequence[Sequence[Array]],
    tolerance: Tolerance,
    hear: Hear,
    *,
    spoilt: bool = False,
) -> Bisected:
    """Searches backwards from every output that is beyond the tolerance; where none is, from those that are NaN on both sides.

    Of the operators that an output depends on, half after half is cut away, until one is found that is beyond while the one
    before it is within. Then everything that it reads must be within as well; else the search goes on from there.

    Args:
        test: A side.
        reference: The other, with the same file.
        inputs: Of a few runs.
        tolerance: From where on a tensor is beyond.
        hear: Is told how far it is.
        spoilt: Whether an output of the whole graph had no figure on these inputs: none is "within the tolerance" then.

    Raises:
        ConfigError: The two sides have different graphs.
    """
    model = read_model(test.opener.model)
    if test.subject.sha256 != reference.subject.sha256 or test.opener.model != reference.opener.model:
        raise ConfigError("--bisect cuts one graph that both sides run: it cannot be had with --reference-model")
    with ScratchFolder("cut") as folder:
        cuts = _Cuts(test, reference, model, inputs, tolerance, Path(folder), hear)
        whole = _judge(test.backend, reference.backend, cuts.resets, inputs, tolerance)
        # What is NaN on both sides is no difference, but no answer either.
        cuts.nan = nan = not whole.beyond and any(whole.nan)
        ends = [model.main_answers[place].tensor for place in whole.wrong(nan=nan)]
        if whole.refused or not ends:
            return Bisected(
                None, whole.refused or (_NOT_AGAIN if spoilt else _WITHIN), 0, (), (), within_yet_beyond=False
            )
        found = [_search(cuts, producer) for tensor in ends if (producer := cuts.producer.get(tensor)) is not None]
        culprits = sorted(index for index in found if index is not None)
        culprit = _culprit(model, culprits[0], cuts.judged[culprits[0]], nan=nan) if culprits else None
        shown = "holds NaN" if nan else "parts from the reference"
        return Bisected(
            culprit,
            "" if culprit else f"no graph that is cut {shown}, although the whole one does",
            len(cuts.judged),
            tuple(f"after {_name(model, at)}: {each.refused}" for at, each in cuts.judged.items() if each.refused),
            tuple(cuts.repartitioned),
            within_yet_beyond=culprit is None and not nan,
            not_numbers=nan,
        )


def _search(cuts: _Cuts, end: int) -> int | None:
    """The operator from which the difference of this one comes; None where a cut after it does not show it."""
    if not cuts.is_wrong(end):
        return None
    at = end
    while True:
        at = _halved(cuts, sorted(cuts.ancestors(at)))
        parents = sorted({cuts.producer[each] for each in cuts.operators[at].inputs if each in cuts.producer})
        worse = [parent for parent in parents if cuts.comparable(parent) and cuts.is_wrong(parent)]
        if not worse:
            return at
        at = worse[0]


def _halved(cuts: _Cuts, chain: list[int]) -> int:
    """The first of these operators that is beyond, by halves; the last is known to be."""
    chain = [index for index in chain[:-1] if cuts.comparable(index)] + chain[-1:]
    within, beyond = -1, len(chain) - 1
    while beyond - within > 1:
        middle = (within + beyond) // 2
        if cuts.judge(chain[middle]).refused:
            del chain[middle]
            beyond -= 1
        elif cuts.is_wrong(chain[middle]):
            beyond = middle
        else:
            within = middle
    return chain[beyond]


class _Cuts:
    """The graph, cut wherever it is asked for, each cut once."""

    def __init__(
        self,
        test: AnsweringSide,
        reference: AnsweringSide,
        model: ModelFile,
        inputs: Sequence[Sequence[Array]],
        tolerance: Tolerance,
        folder: Path,
        hear: Hear,
    ) -> None:
        self.operators: tuple[Operator, ...] = model.main.operators
        self.producer = {tensor: at for at, each in enumerate(self.operators) for tensor in each.outputs}
        self.judged: dict[int, _JudgedCut] = {}
        self.repartitioned: list[str] = []
        self.nan = False
        self.resets = (test.opener.resets, reference.opener.resets)
        self._sides = [(side.backend, _plain(side.recipe)) for side in (test, reference)]
        self._model, self._inputs, self._tolerance, self._folder, self._hear = model, inputs, tolerance, folder, hear

    def comparable(self, index: int) -> bool:
        """Whether the operator's outputs are numbers."""
        tensors = [self._model.main.tensors[each] for each in self.operators[index].outputs]
        return bool(tensors) and not any(tensor.dtype in _NOT_COMPARED for tensor in tensors)

    def ancestors(self, index: int) -> set[int]:
        """The operator, and all that it depends on."""
        found, left = {index}, [index]
        while left:
            new = {self.producer[each] for each in self.operators[left.pop()].inputs if each in self.producer} - found
            found |= new
            left += new
        return found

    def is_wrong(self, index: int) -> bool:
        """Whether an output of the operator is what is searched."""
        return bool(self.judge(index).wrong(nan=self.nan))

    def judge(self, index: int) -> _JudgedCut:
        """The graph cut after this operator, run both ways."""
        if index not in self.judged:
            self._hear(Progressed("cuts", len(self.judged), len(self.judged) + 1))
            self.judged[index] = self._cut(index)
        return self.judged[index]

    def _cut(self, index: int) -> _JudgedCut:
        path = self._folder / f"{index}.tflite"
        write_cut(self._model, index, path)
        opened: list[Backend] = []
        try:
            for whole, recipe in self._sides:
                opened.append(replace(recipe, model=path).open())
                self._compare_partitions(index, whole, opened[-1])
            return _judge(opened[0], opened[1], self.resets, self._inputs, self._tolerance)
        except (ModelRejected, BackendUnavailable) as error:
            return _JudgedCut((), (), (), refused=str(error))
        except (RuntimeError, ValueError) as error:
            return _JudgedCut((), (), (), refused=first_line(error))
        finally:
            for backend in opened:
                backend.close()
            path.unlink()

    def _compare_partitions(self, index: int, whole: Backend, cut: Backend) -> None:
        before, after = whole.partitions(), cut.partitions()
        if before is None or after is None:
            return
        kept = {frozenset(at for at in part if at <= index) for part in before} - {frozenset[int]()}
        if kept != set(map(frozenset, after)):
            name = _name(self._model, index)
            self.repartitioned.append(
                f"cut after {name}, {cut.info().name} has {_partitions_text(after)} where the whole graph has "
                f"{_partitions_text(kept)} up to there"
            )


def _partitions_text(parts: Sequence[object] | set[frozenset[int]]) -> str:
    sizes = [len(part) for part in parts if isinstance(part, frozenset | tuple)]
    return f"{len(sizes)} partition{'s' * (len(sizes) != 1)} of {sum(sizes)} ops"


def _plain(recipe: Recipe) -> Recipe:
    """Without a file of packed weights, which are those of the whole graph."""
    return replace(recipe, options={name: value for name, value in recipe.options.items() if name != "weight_cache"})


def _judge(
    test: Backend,
    reference: Backend,
    resets: tuple[bool, bool],
    inputs: Sequence[Sequence[Array]],
    tolerance: Tolerance,
) -> _JudgedCut:
    found, expected = (
        _answers(backend, reset, inputs) for backend, reset in zip((test, reference), resets, strict=True)
    )
    shapes = {tuple(output.shape for output in each) for each in (*found, *expected)}
    if len(shapes) != 1:
        return _JudgedCut((), (), (), refused="its outputs have other shapes from run to run, or on either side")
    # Each with its place for a name, since two outputs may have one.
    specs = [replace(spec, name=str(place)) for place, spec in enumerate(test.outputs)]
    errors: list[OutputErrors] = []
    why: list[str] = []
    beyond: list[int] = []
    for place, spec in enumerate(specs):
        one = [[answer[place]] for answer in expected], [[answer[place]] for answer in found]
        judged = compare("tensors", [spec], *one, tolerance, _nothing)
        errors.append(judged.outputs[0])
        if judged.why:
            beyond.append(place)
            why += [_named(reason, spec, test.outputs[place]) for reason in judged.why]
    nan = tuple(sum(_nan_count(answer[place]) for answer in found) for place in range(len(specs)))
    return _JudgedCut(tuple(beyond), tuple(why), tuple(errors), nan=() if beyond else nan)


def _nan_count(array: Array) -> int:
    return int(np.count_nonzero(np.isnan(array))) if array.dtype.kind in "fc" else 0


def _named(reason: str, spec: TensorSpec, named: TensorSpec) -> str:
    return reason.replace(f"output {spec.name}:", f"{named.name}:").replace("the CPU", "the reference")


def _nothing(_: Sequence[Array]) -> bytes:
    """Tensors decide nothing."""
    return b""


def _answers(backend: Backend, resets: bool, inputs: Sequence[Sequence[Array]]) -> list[list[Array]]:
    answers = []
    for each in inputs:
        if resets:
            backend.reset()
        answers.append([output.copy() for output in backend.invoke(each)])
    return answers


def _culprit(model: ModelFile, index: int, judged: _JudgedCut, *, nan: bool) -> Culprit:
    operator = model.main.operators[index]
    place = judged.wrong(nan=nan)[0]
    tensor = model.main.tensors[operator.outputs[place]]
    errors, quantisation = judged.errors[place], tensor.quantisation
    read = [model.main.tensors[each] for each in operator.inputs if each >= 0]
    return Culprit(
        tensor.name,
        operator.name,
        index,
        tensor.declared_shape,
        tensor.dtype,
        quantisation.scales if quantisation else (),
        quantisation.zero_points if quantisation else (),
        tuple(each.name for each in read if not each.constant),
        (f"{judged.nan[place]:,} values are no number (NaN) on both sides",) if nan else judged.why,
        errors.max_error,
        errors.max_steps,
    )


def _name(model: ModelFile, index: int) -> str:
    operator = model.main.operators[index]
    outputs = ", ".join(model.main.tensors[each].name for each in operator.outputs)
    return f"op {index} ({operator.name} -> {outputs})"
