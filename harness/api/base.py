"""One model, open for questions of one task: what `harness.api` opens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from accuracy.truth.class_names import ClassNames, names_in_model
from backends.base import Backend, ModelRejected, TensorSpec
from backends.litert.file.model_file import Shape
from backends.litert.file.model_reader import read_model
from backends.litert.without_xnnpack import OPTION
from harness.api.first_opening import HOW, refuse_what_crashes
from harness.api.held_model import HeldModel
from harness.api.inputs import Names, read_names
from harness.config.backend import parse_backend
from harness.config.files import find_benchmark
from harness.config.mistakes import task_options
from harness.config.registry import task_class
from harness.errors import ConfigError
from harness.model.comparison import Comparison, Tolerance
from harness.model.file_tensors import described_inputs
from harness.model.output_checks import checked
from harness.model.parity import compare
from harness.model.repetition import otherwise, refuse_unseeded, why_refused
from harness.spec.opener import opener_of
from harness.spec.resolve import AskedModel, resolve_asked
from harness.spec.schema import ModelRef
from harness.zoo.files.official import cache_dir
from tasks.base import Array, ModelMismatch

T = TypeVar("T")


def resolve_arguments(
    task: str, model: str | Path | None, backend: str | None, threads: int | None, options: Mapping[str, Any]
) -> AskedModel:
    """What the arguments of `harness.api.open_model` stand for.

    Raises:
        ConfigError: An unknown name or option, or no model.
    """
    overrides = [
        *([] if model is None else [("model.use", str(model))]),
        *([] if backend is None else parse_backend(backend)),
        *([] if threads is None else [("backend.threads", threads)]),
        *((f"model.{name}", value) for name, value in options.items()),
    ]
    return resolve_asked(find_benchmark(task), overrides, cache_dir())


class Model(ABC):
    """A model that is open for questions. Close it, or use it in a `with` statement."""

    task: ClassVar[str]
    """The kind of task in the config."""
    judges_outputs: ClassVar[bool] = False
    """As `tasks.codecs.base.Codec.judges_outputs`."""
    model: ModelRef
    """The file, and whether it is an official one, a stand-in or the user's."""

    @classmethod
    def open(
        cls,
        task: str,
        *,
        model: str | Path | None = None,
        backend: str | None = None,
        threads: int | None = None,
        labels: Names | None = None,
        **options: Any,
    ) -> Self:
        """As `harness.api.open_model`.

        Raises:
            ConfigError: Also where the benchmark is of another kind.
        """
        from harness.api.kinds import kind_of

        asked = resolve_arguments(task, model, backend, threads, options)
        if (right := kind_of(asked)) is not cls:
            raise ConfigError(f"{task} is {asked.benchmark.task}, not {cls.task}: open it with {right.__name__}")
        return cls(asked, labels)

    def __init__(self, asked: AskedModel, labels: Names | None = None) -> None:
        """Use `harness.api.open_model` or `open`.

        Raises:
            RunFailed: The model is no longer what was hashed when it was chosen.
            FileChanged: Nor is what is opened.
        """
        self.model = asked.model
        section = asked.benchmark.backend
        self._held = HeldModel(asked.model, section)
        with self._held.opening():
            self._listed = None if labels is None else read_names(labels)
            self._options = _fitted(self.task, asked, self._listed)
            self._score_columns = asked.score_columns
            self._is_proven = False
            self._threads = 1 if section.threads == "auto" else section.threads
            self._section, self._tries_other_shapes = section, True
            self._opener = opener_of(asked.model, section, cache_dir(), self._shapes)
            self._refuse_what_crashes()
            self._held.take_copy(self._opener)
            self._open: Backend | None = self._opened()
            try:
                self._refuse_unseeded()
                self._bind(self._backend.inputs, self._backend.outputs)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        """Closes the model at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the model, which cannot be asked any more; a second time does nothing."""
        held, self._open = self._open, None
        if held is not None:
            held.close()

    @property
    def _backend(self) -> Backend:
        if self._open is None:
            raise ConfigError(f"{self.model.name} was closed and cannot be asked: open it again")
        return self._open

    def _refuse_what_crashes(self, shapes: Mapping[str, Shape] | None = None) -> None:
        """See `refuse_what_crashes`; `shapes` are those of inputs that the file leaves open and the data tell."""
        file = self._opener.file
        if shapes is None and file.has_open_sizes:
            inputs = described_inputs(read_model(file.path))
            wanted = self._shapes(inputs)
            shapes = None if wanted is None else dict(zip([each.name for each in inputs], wanted, strict=True))
        model = self.model
        if shapes:
            named = model.invocation.model_copy(update={"input_shapes": {**shapes, **model.invocation.input_shapes}})
            model = model.model_copy(update={"invocation": named})
        refuse_what_crashes(model, self._section, cache_dir(), self._held.files)

    def _opened(self) -> Backend:
        """Opens the model; what is said against it names what there is in Python."""
        try:
            return self._opener.open_covered(self._threads)
        except ModelRejected as error:
            raise ModelRejected(str(error).replace(OPTION, HOW)) from None

    def _refuse_unseeded(self) -> None:
        """Refuses random numbers of which no answer could be had again, though no question may reach them."""
        if not self._opener.may_live_on:
            unseeded = self._opener.file.keeps.unseeded
            refuse_unseeded(self.model.path, unseeded, 'Export it with a seed, or state="keep" lets it live on.')

    @abstractmethod
    def _bind(self, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        """Finds the model's tensors."""

    def _named(self, fitted: Callable[[ClassNames], T]) -> T | None:
        """What the names of the classes make; those that are packed into the model's file where none are given and they fit."""
        if self._listed is not None:
            return fitted(self._listed)
        packed = names_in_model(self.model.path)
        try:
            return None if packed is None else fitted(packed)
        except (ConfigError, ModelMismatch):
            return None

    def _shapes(self, inputs: Sequence[TensorSpec]) -> Sequence[tuple[int, ...]] | None:
        """See `Task.input_shapes`."""
        del inputs
        return None

    def _invoke(self, inputs: Sequence[Array]) -> Sequence[Array]:
        outputs = self._ask(inputs)
        if not self._is_proven:
            self._is_proven = True
            self._prove_same_again(inputs, outputs)
        return outputs

    def _reopen(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """The same file with inputs of other shapes, of which the first are tried in another process as well."""
        names = [tensor.name for tensor in self._backend.inputs]
        with self._held.opening():
            if self._tries_other_shapes:
                self._refuse_what_crashes(dict(zip(names, shapes, strict=True)))
                self._tries_other_shapes = False
            self.close()
            self._opener.take_input_shapes(shapes)
            self._open = self._opened()
            self._bind(self._backend.inputs, self._backend.outputs)

    def _ask(self, inputs: Sequence[Array]) -> Sequence[Array]:
        self._held.refuse_written()
        if self._opener.resets:
            # As in a run: every question is the first one.
            self._backend.reset()
        return checked(self._backend, self._backend.invoke, judged=self.judges_outputs)(inputs)

    def _prove_same_again(self, inputs: Sequence[Array], first: Sequence[Array]) -> None:
        """Asks the first question twice, as a run does: see `harness.model.repetition`."""
        opener = self._opener
        if opener.may_live_on:
            return
        info, outputs = self._backend.info(), self._backend.outputs
        differs = otherwise(info, outputs, first, self._ask(inputs), _within_tolerance)
        if differs:
            keeps = opener.file.keeps
            why = why_refused(self.model.path, str(keeps), differs, resets=opener.resets, draws=bool(keeps.draws))
            raise ModelRejected(why)


def _within_tolerance(
    outputs: Sequence[TensorSpec], first: Sequence[Sequence[Array]], again: Sequence[Sequence[Array]]
) -> Comparison:
    """By the values alone: a second answer to the same is no other decision."""
    return compare("tensors", outputs, first, again, Tolerance(), lambda _: b"")


def _fitted(task: str, asked: AskedModel, names: ClassNames | None) -> Any:
    """The task's options, with what the model and the names of its classes decide."""
    kind = task_class(task)
    options = task_options(kind.Options, task, asked.options)
    try:
        return kind.fit(options, asked.score_columns, names)
    except ModelMismatch:
        if task != "classification":
            raise
        return kind.fit(options, asked.score_columns)  # `names_for` counts them against that
