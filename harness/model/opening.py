"""How a model is opened behind its backend, as often as needed: by runs, their processes, the API and the doctor alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from backends.base import Backend, BackendUnavailable, ModelRejected, TensorSpec
from backends.litert.file.model_file import Shape
from backends.litert.file.model_reader import read_model
from backends.litert.file.opened_file import OpenedFile, held, hold
from backends.litert.weight_cache import SharedFile, can_cache, suspicion, why_not_kept
from harness.config.backend import BackendSection
from harness.config.invocation import Invocation
from harness.config.registry import backend_kind
from harness.model.contents.coverage import judge_coverage
from harness.model.file_tensors import described_inputs
from harness.model.input_shapes import choose_input_shapes
from harness.model.run_file import RunFile, find_run_file, without_completion

_LARGE_MODEL_BYTES = 20_000_000
"""From here on another packing of the weights is felt, in time and memory."""
_AS_THE_FILE_SAYS = Invocation()
InputShapes = Callable[[Sequence[TensorSpec]], Sequence[Shape] | None]
"""From the inputs as the file has them to the shapes that are wanted; None takes them as they are."""


def as_the_file_has_them(inputs: Sequence[TensorSpec]) -> None:
    """Any `InputShapes` that wants nothing else."""
    del inputs


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that is decided of one instance: a process of its own opens the same by it."""

    backend: str
    model: Path
    threads: int
    options: Mapping[str, Any]
    input_shapes: tuple[Shape, ...] | None = None
    """None takes the inputs as the file has them."""
    cpus: tuple[int, ...] = ()
    """Where a process of its own works; empty for anywhere."""
    batch: int = 1
    """Samples of one invoke of a second instance beside it; 1 for none."""
    resets: bool = False
    """The model keeps something from one run to the next, which no other query may see."""
    held: tuple[OpenedFile, ...] = ()
    """What a process of its own finds under these paths, or opens nothing."""

    def open(self) -> Backend:
        """Loads the model."""
        hold(self.held)
        more = {} if self.input_shapes is None else {"input_shapes": self.input_shapes}
        return backend_kind(self.backend).open(self.model, threads=self.threads, **more, **self.options)

    def open_many(self, single: Backend) -> Backend:
        """The same, with the inputs resized to the batch: see `harness.worker.batch`."""
        shapes = tuple((self.batch, *tensor.shape[1:]) for tensor in single.inputs)
        # In other shapes XNNPACK may choose other ops, whose weights are not in the cache.
        options = {name: value for name, value in self.options.items() if name != "weight_cache"}
        return replace(self, options=options, input_shapes=shapes).open()


class Opener:
    """One model behind one backend, to be opened as often as needed. Needs no task, no data and no load."""

    def __init__(
        self,
        model: Path,
        sha256: str,
        section: BackendSection,
        cache_dir: Path,
        *,
        invocation: Invocation = _AS_THE_FILE_SAYS,
        input_shapes: InputShapes = as_the_file_has_them,
        several: bool = False,
    ) -> None:
        """Finds the backend and the file to load (`harness.model.run_file`); opens nothing yet.

        Args:
            model: The file.
            sha256: Its own.
            section: The backend, as a config has it.
            cache_dir: The harness's cache, for completed models and packed weights.
            invocation: The signature, the shapes and the state that were asked for.
            input_shapes: The shapes that the inputs should have where nobody asked for others.
            several: Whether several instances will work at once, which had better share their packed weights.

        Raises:
            UnknownName: No such backend, or an option that it does not have.
            BackendUnavailable: Options that contradict each other.
            ModelRejected: The file is no model, or has no such signature.
        """
        self._model, self._sha256, self._section, self._cache_dir = model, sha256, section, cache_dir
        self._invocation, self._wanted, self._several = invocation, input_shapes, several
        kind = backend_kind(section.name)
        kind.check_options(section.options)
        self._spread: Sequence[Mapping[str, Any]] = kind.spread(section.options)
        self._opened = 0
        self._recipes: WeakKeyDictionary[Backend, Recipe] = WeakKeyDictionary()
        self._weights: dict[Path, SharedFile] = {}
        self._shapes: tuple[Shape, ...] | None = None
        self._shapes_are_known = False
        # The null backend runs nothing, so nothing would choose its ops by the shapes.
        complete = section.complete_shapes is not False and section.name != "null"
        self.file = find_run_file(
            model,
            sha256,
            cache_dir,
            signature=invocation.signature,
            complete=complete,
            repair=invocation.repair is not None,
        )

    @property
    def model(self) -> Path:
        """The file that is loaded."""
        return self.file.path

    @property
    def modified(self) -> str | None:
        """What was changed in the model's file to get it; None for nothing."""
        return self.file.modified

    @property
    def as_it_is(self) -> Path:
        """The file with the wanted graph first and nothing else changed: what a completed one is held against."""
        return self._uncompleted().path

    @property
    def resets(self) -> bool:
        """Whether every query begins with the model as it was opened, and it takes something to have it so."""
        return bool(self.file.keeps) and self._invocation.state == "reset"

    @property
    def lives_on(self) -> bool:
        """Whether what the model keeps lives on from query to query, as the config asks."""
        return bool(self.file.keeps) and self._invocation.state == "keep"

    @property
    def may_live_on(self) -> bool:
        """Whether the config lets it, whatever the model keeps."""
        return self._invocation.state == "keep"

    @property
    def devices(self) -> int:
        """How many devices the instances are spread over."""
        return len(self._spread)

    def open(self, threads: int) -> Backend:
        """Another instance.

        Raises:
            BackendUnavailable: The backend is not here.
            ModelRejected: The runtime cannot run the model.
        """
        return self._open(self._next(threads))

    def open_with(self, options: Mapping[str, Any]) -> Backend:
        """An instance of one thread with other options than the config's."""
        return self._open(Recipe(self._section.name, self.model, 1, options))

    def open_many(self, single: Backend, batch: int) -> Backend:
        """An instance as this one, for so many samples at once."""
        return replace(self._recipes[single], batch=batch).open_many(single)

    def open_reference(self, model: Path) -> Backend:
        """One CPU thread with this file, whatever the backend: what answers are held against."""
        return self._open(Recipe("cpu", model, 1, {}))

    def open_covered(self, threads: int) -> Backend:
        """An instance of which an accelerator takes something, and as much as the config requires.

        Raises:
            BackendUnavailable: The backend is not here, or takes too little of the model.
            ModelRejected: The runtime cannot run the model.
        """
        backend = self.open(threads)
        try:
            judge_coverage(backend.info(), self._section.require_full)
        except BaseException:
            backend.close()
            raise
        return backend

    def recipe(self, threads: int, cpus: tuple[int, ...] = (), batch: int = 1) -> Recipe:
        """How another process, which then works on these CPUs, opens a further instance."""
        if not self._shapes_are_known:
            self.open(threads).close()
        return replace(self._next(threads), input_shapes=self._shapes, cpus=cpus, batch=batch, held=held())

    def hold_copy(self) -> OpenedFile | None:
        """From here on this process, and those that it gives a recipe, load this copy of the model, or nothing.

        Returns:
            It; None where the model's own file is loaded.
        """
        if self.model == self._model:
            return None
        hold([copy := OpenedFile.of(self.model)])
        return copy

    def take_options(self, options: Mapping[str, Any]) -> None:
        """All further instances have these."""
        self._spread = [dict(options)]

    def take_input_shapes(self, shapes: Sequence[Shape]) -> None:
        """All further instances have these."""
        self._shapes, self._shapes_are_known = tuple(shapes), True

    def take_untold_state(self) -> None:
        """The model was seen to keep something that its file does not tell of."""
        self.file = replace(self.file, keeps=replace(self.file.keeps, untold=True))

    def take_file_as_it_is(self) -> None:
        """All further instances are of the file without its shapes completed."""
        self.file = self._uncompleted()

    def suspicion(self, backend: Backend) -> str:
        """What to say of an instance's packed weights where its answers are wrong; "" where it has none."""
        return suspicion(str(self._recipes[backend].options.get("weight_cache") or ""))

    def _open(self, recipe: Recipe) -> Backend:
        named = self._invocation.input_shapes or self._invocation.input_size
        if not self._shapes_are_known and (self.file.has_open_sizes or named):
            # Before it is opened: with 1 for each size the runtime may not be able to.
            self.take_input_shapes(self._chosen(described_inputs(read_model(self.model))))
        recipe = replace(recipe, input_shapes=self._shapes)
        backend = recipe.open()
        if not self._shapes_are_known:
            shapes = self._chosen(backend.inputs)
            if list(shapes) != [tensor.shape for tensor in backend.inputs]:
                backend.close()
                self._shapes = shapes
                recipe = replace(recipe, input_shapes=self._shapes)
                backend = recipe.open()
            self._shapes_are_known = True
        if self.resets and not backend.can_reset:
            info = backend.info()
            backend.close()
            raise ModelRejected(
                f"{self._model} keeps {self.file.keeps} from one run to the next, which {info.name} "
                f"(engine {info.engine}) cannot put back before each "
                "query: use --backend cpu, or --state keep, which lets it live on in one instance and says so"
            )
        self._recipes[backend] = recipe
        return backend

    def _chosen(self, inputs: Sequence[TensorSpec]) -> tuple[Shape, ...]:
        return choose_input_shapes(read_model(self.model), inputs, self._invocation, self._wanted(inputs))

    def _uncompleted(self) -> RunFile:
        return without_completion(self.file, self._model, self._sha256, self._cache_dir)

    def _next(self, threads: int) -> Recipe:
        options = dict(self._spread[self._opened % len(self._spread)])
        self._opened += 1
        if self._section.name == "cpu":
            options |= self._weight_cache(options)
        return Recipe(self._section.name, self.model, threads, options, resets=self.resets)

    def _weight_cache(self, options: Mapping[str, Any]) -> dict[str, str]:
        """Where instances share packed weights: unless the config says, several interpreters of a large model, in memory."""
        asked = options.get("weight_cache")
        if asked is True:
            return {"weight_cache": str(self._cache_dir / "weights" / f"{self._sha256}.xnnpack")}
        if asked is False:
            return {"weight_cache": ""}
        if isinstance(asked, str) and (why := why_not_kept(asked)):
            raise BackendUnavailable(why)
        large = self.model.stat().st_size >= _LARGE_MODEL_BYTES
        if asked is not None or not large or not self._several or not options.keys() <= {"engine"} or not can_cache():
            return {}
        if options.get("engine", "auto") not in ("auto", "Interpreter"):
            return {}
        # Another file has other weights.
        if self.model not in self._weights:
            self._weights[self.model] = SharedFile()
        return {"weight_cache": self._weights[self.model].path}
