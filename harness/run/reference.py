"""What a reference model or backend answers to a run's samples: the ground truth where the user has none.

It is asked before the run, in a process of its own, one thread, and writes a `.npz` file a sample into the run's directory.
So the audit reads files as it always does, and `score` needs the reference no more.

`python -P -m harness.run.reference ANSWER_FD PARENT_PID ASKED` is that process.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backends.base import NO_ENGINE, Array, Backend, ModelRejected, TensorSpec
from backends.litert.file.model_file import Shape
from backends.litert.file.model_reader import read_model
from backends.litert.file.opened_file import OpenedFile, hold
from harness.errors import ConfigError, ModelCrashed, RunFailed
from harness.machine.child_process import LONGEST_START_S, live_and_die_with
from harness.machine.json_line import decode
from harness.messages.conversation import Hear, Progressed, ask, tell
from harness.model.drawn_inputs import RUN_OPTION, inputs_explained
from harness.model.file_tensors import described_inputs, described_outputs
from harness.model.input_shapes import choose_input_shapes
from harness.model.opening import Opener
from harness.model.repetition import refuse_unseeded
from harness.model.run_file import find_run_file
from harness.spec.opener import opener_of
from harness.spec.schema import ReferenceRef, Spec
from harness.spec.task import open_task
from harness.spec.trial import has_xnnpack, without_xnnpack
from harness.user_paths import absolute
from tasks.base import Task
from tasks.tensors.fitting import converted, real_values

FOLDER = "reference"
"""In the run's directory."""
_WITHOUT = "use --reference-backend cpu:xnnpack=false"


@dataclass(frozen=True, slots=True)
class AskedReference:
    """What the process is to answer."""

    spec: str
    """Of the run, as JSON."""
    folder: Path
    """Its directory."""
    held: tuple[OpenedFile, ...]
    """What it finds under these paths, or opens nothing."""


@dataclass(frozen=True, slots=True)
class ReferenceAnswered:
    """What came of it."""

    samples: int


def with_reference(spec: Spec, folder: Path) -> Spec:
    """The run with its ground truth where the reference's answers will be."""
    truth = absolute(folder) / FOLDER
    return spec.model_copy(update={"dataset": spec.dataset.model_copy(update={"truth": truth})})


def ask_reference(spec: Spec, folder: Path, hashed: Sequence[OpenedFile] = ()) -> None:
    """Has the reference answer every sample, into the folder `FOLDER` of the run's directory.

    Args:
        spec: The run.
        folder: Its directory.
        hashed: The files that it may open under their paths.

    Raises:
        ConfigError: The reference is not here, does not fit the model or the samples, or runs without XNNPACK alone.
        RunFailed: It breaks, crashes, or does not answer a sample within `backend.timeout_s`.
    """
    try:
        ask(
            "harness.run.reference",
            AskedReference(spec.model_dump_json(), absolute(folder), tuple(hashed)),
            ReferenceAnswered,
            timeout_s=spec.backend.timeout_s,
            start_s=LONGEST_START_S,
            hear=lambda _: None,
            what=f"the reference {_named(spec.reference)} gave no answer: its process",
        )
    except ModelCrashed as crash:
        if spec.reference is None or not has_xnnpack(spec.reference.backend):
            raise
        tried = spec.model_copy(update={"model": spec.reference.model, "backend": spec.reference.backend})
        raise without_xnnpack(tried, hashed, _WITHOUT, "the reference").told_of(crash) from None


def _named(reference: ReferenceRef | None) -> str:
    return f"{reference.model.name} on {reference.backend_asked}" if reference else ""


def _ask(spec: Spec, folder: Path, hear: Hear) -> int:
    if spec.reference is None:
        raise ValueError("a run without a reference has nothing to ask")
    task = open_task(spec.task, spec.options, spec.dataset.model_copy(update={"truth": None}))
    inputs, outputs = _under_test(spec, task)
    codec = task.codec(inputs, outputs)
    backend, resets = _opened(spec, spec.reference, [tensor.shape for tensor in inputs])
    try:
        feeds = _matched("inputs", spec.reference, backend.inputs, inputs)
        reads = _matched("outputs", spec.reference, outputs, backend.outputs)
        drawn = spec.dataset.name == task.own_data
        names = [stem_of(task, index) for index in range(len(task))]
        for index, name in enumerate(names):
            hear(Progressed("answers", index, len(names)))
            row = codec.preprocess(index)
            whose = f"sample {name} for the reference {_named(spec.reference)}: input"
            given = [
                converted(row[place], inputs[place], tensor, f"{whose} {tensor.name}")
                for tensor, place in zip(backend.inputs, feeds, strict=True)
            ]
            if resets:
                backend.reset()
            with inputs_explained(spec.reference.model.path, "the reference ", RUN_OPTION) if drawn else nullcontext():
                answers = backend.invoke(given)
            _write(
                folder / FOLDER / f"{name}.npz",
                [_as_expected(answers[at], backend.outputs[at], one) for one, at in zip(outputs, reads, strict=True)],
            )
    finally:
        backend.close()
    return len(names)


def stem_of(task: Task, index: int) -> str:
    """The name by which a sample's truth is found."""
    stored = task.stored_samples()
    return f"{index:06}" if stored is None else Path(stored.names[index]).stem


def _under_test(spec: Spec, task: Task) -> tuple[list[TensorSpec], list[TensorSpec]]:
    """The inputs and outputs of the model under test, from its file: its backend may be none that opens here."""
    model = spec.model
    file = find_run_file(model.path, model.sha256, spec.cache_dir, signature=model.invocation.signature, complete=False)
    described = read_model(file.path)
    seen = described_inputs(described)
    shapes = choose_input_shapes(described, seen, model.invocation, task.input_shapes(seen))
    return [replace(tensor, shape=shape) for tensor, shape in zip(seen, shapes, strict=True)], described_outputs(
        described
    )


def _opened(spec: Spec, reference: ReferenceRef, shapes: Sequence[Shape]) -> tuple[Backend, bool]:
    """The reference, with the shapes of the model under test where its file leaves them open; and whether it is to be reset."""

    def wished(inputs: Sequence[TensorSpec]) -> Sequence[Shape] | None:
        fits = len(inputs) == len(shapes) and all(
            len(one.shape) == len(shape) for one, shape in zip(inputs, shapes, strict=True)
        )
        if not fits:
            return None
        # An open size shows as 1.
        return [
            tuple(want if have == 1 else have for have, want in zip(one.shape, shape, strict=True))
            for one, shape in zip(inputs, shapes, strict=True)
        ]

    opener = opener_of(reference.model, reference.backend, spec.cache_dir, wished)
    _refuse_what_differs_by_order(opener, reference)
    opened = opener.open_covered(1)
    if opened.info().engine == NO_ENGINE:
        opened.close()
        raise ConfigError(
            f"the reference {_named(reference)} runs no model: its answers are zeros, so that no error to them says anything"
        )
    return opened, opener.resets


def _refuse_what_differs_by_order(opener: Opener, reference: ReferenceRef) -> None:
    """Refuses a reference whose answers LoadGen's order, or chance, would make others than those that it gives beforehand.

    Raises:
        ModelRejected: It draws random numbers without a seed.
        ConfigError: What it keeps is to live on.
    """
    named, keeps = f"the reference {_named(reference)}", opener.file.keeps
    refuse_unseeded(named, keeps.unseeded, "Export it with a seed: an error against it would be theirs.")
    if opener.lives_on:
        raise ConfigError(
            f"{named} keeps {keeps} from one sample to the next and is asked in another order than LoadGen's, so that no error "
            "to it says anything: leave out --state keep"
        )


def _matched(
    what: str, reference: ReferenceRef, wanted: Sequence[TensorSpec], there: Sequence[TensorSpec]
) -> list[int]:
    """For each wanted tensor the place of the one that is meant: by name, or by place where no name is the same.

    Raises:
        ModelRejected: They cannot be told.
    """
    names = [tensor.name for tensor in there]
    if all(names.count(tensor.name) == 1 for tensor in wanted):
        return [names.index(tensor.name) for tensor in wanted]
    in_order = [tensor.name for tensor in wanted] == names
    alike = len(wanted) == len(there) and all(
        one.shape == other.shape or what == "outputs" for one, other in zip(wanted, there, strict=True)
    )
    # Names that several tensors share tell nothing, but the same ones in the same order leave no doubt.
    if alike and (in_order or not {tensor.name for tensor in wanted} & set(names)):
        return list(range(len(wanted)))
    here, others = (
        ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in tensors) or "none" for tensors in (wanted, there)
    )
    mine, theirs = (others, here) if what == "inputs" else (here, others)
    raise ModelRejected(
        f"the reference {_named(reference)} has other {what} than the model: {theirs}, where the model has {mine}"
    )


def _as_expected(answer: Array, of: TensorSpec, output: TensorSpec) -> Array:
    """An answer as the truth of an output: raw where both are quantised alike, else in real units.

    Raises:
        ModelRejected: One is text and the other is not.
    """
    if answer.dtype.hasobject != output.dtype.hasobject:
        raise ModelRejected(f"the reference answers {of.dtype} at {of.name}, the model {output.dtype} at {output.name}")
    if answer.dtype.hasobject:
        return np.array([bytes(word) for word in answer.ravel().tolist()], "S").reshape(answer.shape)
    same = (of.dtype, of.scale, of.zero_point) == (output.dtype, output.scale, output.zero_point)
    return answer if same else real_values(answer, of.scale, of.zero_point)


def _write(path: Path, arrays: Sequence[Array]) -> None:
    """A `.npz` of arrays by their places: names of tensors may be no file's."""
    with zipfile.ZipFile(path, "w") as archive:
        for place, array in enumerate(arrays):
            with archive.open(f"arr_{place}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array).reshape(array.shape), allow_pickle=False)


def main() -> None:
    """The process."""
    descriptor, parent, words = sys.argv[1:]
    live_and_die_with(int(parent))
    asked = decode(words, AskedReference)
    tell(int(descriptor), lambda hear: _answered(asked, hear))


def _answered(asked: AskedReference, hear: Hear) -> ReferenceAnswered:
    # It has begun: what it opens now has the time that a backend has.
    hear(Progressed("answers", 0, 0))
    try:
        hold(asked.held)
        (asked.folder / FOLDER).mkdir()
        return ReferenceAnswered(_ask(Spec.model_validate_json(asked.spec), asked.folder, hear))
    except (RuntimeError, ValueError) as error:
        # As the runtime says what stops it in the middle of a run.
        raise RunFailed(f"the reference broke: {type(error).__name__}: {error}") from error
    except OSError as error:
        raise RunFailed(f"the reference's answers cannot be kept: {error}") from error


if __name__ == "__main__":
    main()
