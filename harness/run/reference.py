"""What a reference model or backend answers to a run's samples: the ground truth where the user has none.

It is asked before the run, in a process of its own, one thread, and writes a `.npz` file a sample into the run's directory.
So the audit reads files as it always does, and `score` needs the reference no more.

`python -P -m harness.run.reference ANSWER_FD PARENT_PID SPEC FOLDER LETTER` is that process.
"""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backends.base import NO_ENGINE, Array, Backend, ModelRejected, TensorSpec
from backends.litert.file.model_file import Shape
from backends.litert.file.model_reader import read_model
from backends.litert.file.opened_file import OpenedFile, hold
from harness.errors import EXIT_USER, ConfigError, HarnessError, RunFailed
from harness.machine.child_process import LONGEST_START_S, Ended, lines_of, live_and_die_with
from harness.machine.json_line import decode, encode
from harness.messages.conversation import Progressed
from harness.messages.failure import Failed, failed
from harness.messages.worker import ToOpen
from harness.model.drawn_inputs import RUN_OPTION, inputs_explained
from harness.model.file_tensors import described_inputs, described_outputs
from harness.model.input_shapes import choose_input_shapes
from harness.model.run_file import find_run_file
from harness.spec.opener import opener_of
from harness.spec.schema import ReferenceRef, Spec
from harness.spec.task import open_task
from harness.spec.trial import has_xnnpack, without_xnnpack
from tasks.base import Task
from tasks.tensors.fitting import converted, real_values

FOLDER = "reference"
"""In the run's directory."""
_WITHOUT = "use --reference-backend cpu:xnnpack=false"


@dataclass(frozen=True, slots=True)
class ReferenceAnswered:
    """What came of it."""

    samples: int
    failure: Failed | None = None


def asks_reference(spec: Spec) -> bool:
    """Whether a run is scored by a reference's answers."""
    return spec.reference is not None and spec.load.mode == "accuracy"


def with_reference(spec: Spec, folder: Path) -> Spec:
    """The run with its ground truth where the reference's answers will be."""
    truth = folder.resolve() / FOLDER
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
    kinds: tuple[type[ReferenceAnswered] | type[Progressed], ...] = (ReferenceAnswered, Progressed)
    words = (spec.model_dump_json(), str(folder.resolve()), encode(ToOpen(tuple(hashed))))
    how, by_a_fault = "ended without an answer", False
    told = lines_of("harness.run.reference", *words, timeout_s=spec.backend.timeout_s, start_s=LONGEST_START_S)
    try:
        with closing(told) as lines:
            for line in lines:
                heard = decode(line, *kinds)
                if isinstance(heard, Progressed):
                    continue
                if heard.failure is not None:
                    raise _ended(heard.failure)
                return
    except Ended as ended:
        how, by_a_fault = f"gave no answer: its process {ended}", ended.by_a_fault
    end = RunFailed(f"the reference {_named(spec.reference)} {how}")
    if by_a_fault and spec.reference is not None and has_xnnpack(spec.reference.backend):
        tried = spec.model_copy(update={"model": spec.reference.model, "backend": spec.reference.backend})
        raise without_xnnpack(tried, hashed, _WITHOUT, "the reference").told_of(end)
    raise end


def _ended(failure: Failed) -> HarnessError:
    """What the process says went wrong, as an error of this one."""
    if failure.exit_status == EXIT_USER:
        return ConfigError(failure.message)
    # A bug has no sentence of its own.
    return RunFailed(failure.message if failure.exit_status is not None else f"{failure.kind}: {failure.message}")


def _named(reference: ReferenceRef | None) -> str:
    return f"{reference.model.name} on {reference.backend_asked}" if reference else ""


def _ask(spec: Spec, folder: Path, say: Callable[[object], None]) -> int:
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
            say(Progressed("answers", index, len(names)))
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
    opened = opener.open_covered(1)
    if opened.info().engine == NO_ENGINE:
        opened.close()
        raise ConfigError(
            f"the reference {_named(reference)} runs no model: its answers are zeros, so that no error to them says anything"
        )
    return opened, opener.resets


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
    answer, parent, words, folder, letter = sys.argv[1:]
    live_and_die_with(int(parent))
    with os.fdopen(int(answer), "w", buffering=1, encoding="ascii") as pipe:

        def say(message: object) -> None:
            pipe.write(f"{encode(message)}\n")

        say(Progressed("answers", 0, 0))
        say(_answered(words, Path(folder), letter, say))


def _answered(words: str, folder: Path, letter: str, say: Callable[[object], None]) -> ReferenceAnswered:
    try:
        hold(decode(letter, ToOpen).files)
        (folder / FOLDER).mkdir()
        return ReferenceAnswered(_ask(Spec.model_validate_json(words), folder, say))
    except (RuntimeError, ValueError) as error:
        # As the runtime says what stops it in the middle of a run.
        return ReferenceAnswered(0, failed(RunFailed(f"the reference broke: {type(error).__name__}: {error}")))
    except OSError as error:
        return ReferenceAnswered(0, failed(RunFailed(f"the reference's answers cannot be kept: {error}")))
    except Exception as error:
        return ReferenceAnswered(0, failed(error))


if __name__ == "__main__":
    main()
