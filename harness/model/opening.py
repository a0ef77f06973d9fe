"""How a model is opened behind its backend, as often as needed: by runs, their processes, the API and the doctor alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from backends.base import Backend, TensorSpec
from backends.litert.model_file import Shape
from backends.litert.shapes import complete_shapes
from backends.litert.weight_cache import SharedFile, can_cache, suspicion
from harness.config.backend import BackendSection
from harness.config.registry import backend_kind
from harness.model.coverage import judge_coverage

_LARGE_MODEL_BYTES = 20_000_000
"""From here on another packing of the weights is felt, in time and memory."""
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

    def open(self) -> Backend:
        """Loads the model."""
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
        input_shapes: InputShapes = as_the_file_has_them,
        several: bool = False,
    ) -> None:
        """Finds the backend and, where the file lacks shapes, completes a copy of it; opens nothing yet.

        Args:
            model: The file.
            sha256: Its own.
            section: The backend, as a config has it.
            cache_dir: The harness's cache, for completed models and packed weights.
            input_shapes: The shapes that the inputs should have.
            several: Whether several instances will work at once, which had better share their packed weights.

        Raises:
            UnknownName: No such backend, or an option that it does not have.
            BackendUnavailable: Options that contradict each other.
            ModelRejected: The file is no model.
        """
        self._file, self._sha256, self._section, self._cache_dir = model, sha256, section, cache_dir
        self._wanted, self._several = input_shapes, several
        kind = backend_kind(section.name)
        kind.check_options(section.options)
        self._spread: Sequence[Mapping[str, Any]] = kind.spread(section.options)
        self._opened = 0
        self._recipes: WeakKeyDictionary[Backend, Recipe] = WeakKeyDictionary()
        self._weights: dict[Path, SharedFile] = {}
        self._shapes: tuple[Shape, ...] | None = None
        self._shapes_are_known = False
        self.model, self.modified = self._completed()

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
        return replace(self._next(threads), input_shapes=self._shapes, cpus=cpus, batch=batch)

    def take_options(self, options: Mapping[str, Any]) -> None:
        """All further instances have these."""
        self._spread = [dict(options)]

    def take_input_shapes(self, shapes: Sequence[Shape]) -> None:
        """All further instances have these."""
        self._shapes, self._shapes_are_known = tuple(shapes), True

    def take_file_as_it_is(self) -> None:
        """All further instances are of the file without its shapes completed."""
        self.model, self.modified = self._file, None

    def suspicion(self, backend: Backend) -> str:
        """What to say of an instance's packed weights where its answers are wrong; "" where it has none."""
        return suspicion(str(self._recipes[backend].options.get("weight_cache") or ""))

    def _open(self, recipe: Recipe) -> Backend:
        recipe = replace(recipe, input_shapes=self._shapes)
        backend = recipe.open()
        if not self._shapes_are_known:
            shapes = self._wanted(backend.inputs)
            if shapes is not None and list(shapes) != [tensor.shape for tensor in backend.inputs]:
                backend.close()
                self._shapes = tuple(shapes)
                recipe = replace(recipe, input_shapes=self._shapes)
                backend = recipe.open()
            self._shapes_are_known = True
        self._recipes[backend] = recipe
        return backend

    def _next(self, threads: int) -> Recipe:
        options = dict(self._spread[self._opened % len(self._spread)])
        self._opened += 1
        if self._section.name == "cpu":
            options |= self._weight_cache(options)
        return Recipe(self._section.name, self.model, threads, options)

    def _weight_cache(self, options: Mapping[str, Any]) -> dict[str, str]:
        """Where instances share packed weights: unless the config says, several interpreters of a large model, in memory."""
        asked = options.get("weight_cache")
        if asked is True:
            return {"weight_cache": str(self._cache_dir / "weights" / f"{self._sha256}.xnnpack")}
        if asked is False:
            return {"weight_cache": ""}
        large = self.model.stat().st_size >= _LARGE_MODEL_BYTES
        if asked is not None or not large or not self._several or not options.keys() <= {"engine"} or not can_cache():
            return {}
        if options.get("engine", "auto") not in ("auto", "Interpreter"):
            return {}
        # Another file has other weights.
        if self.model not in self._weights:
            self._weights[self.model] = SharedFile()
        return {"weight_cache": self._weights[self.model].path}

    def _completed(self) -> tuple[Path, str | None]:
        # The null backend runs nothing, so nothing would choose its ops by the shapes.
        if self._section.complete_shapes is False or self._section.name == "null":
            return self._file, None
        return complete_shapes(self._file, self._sha256, self._cache_dir / "models")
