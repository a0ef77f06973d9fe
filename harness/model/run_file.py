"""The file that is loaded: the model's own, or a copy in which the wanted graph stands first or shapes are complete."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backends.base import ModelRejected
from backends.litert.copies.repair import repair_quantized_dimensions
from backends.litert.copies.shapes import complete_shapes
from backends.litert.copies.signatures import choose_signature, with_signature_first
from backends.litert.file.hidden_state import HiddenState, hidden_state
from backends.litert.file.model_reader import check_model_file, read_model
from harness.model.input_shapes import declared_shape, is_rank_untold, open_axes


@dataclass(frozen=True, slots=True)
class RunFile:
    """What is loaded, and what was changed to get it."""

    path: Path
    signature: str | None
    """The one that runs; None where the file has none."""
    keeps: HiddenState
    """What lives on in an interpreter of it."""
    has_open_sizes: bool
    """Whether sizes of its inputs, the batch excepted, must be named before it is run."""
    chosen: str = ""
    """What was changed so that the signature runs; "" for nothing."""
    completed: str = ""
    """What was written into it besides; "" for nothing."""
    repaired: str = ""
    """What was mended in it before all else, as the config asked; "" for nothing."""

    @property
    def modified(self) -> str | None:
        """All that was changed; None for nothing."""
        return "; ".join(filter(None, (self.repaired, self.chosen, self.completed))) or None


def find_run_file(
    model: Path, sha256: str, cache_dir: Path, *, signature: str | None, complete: bool, repair: bool = False
) -> RunFile:
    """The file to load.

    Args:
        model: The file as it is.
        sha256: Of it.
        cache_dir: The harness's cache, where copies are kept.
        signature: As the user named it; None leaves it to the file.
        complete: Whether shapes that the file leaves out are written into a copy.
        repair: Whether scales' axes that are out of range are mended in a copy: see `backends.litert.copies.repair`.

    Raises:
        ModelRejected: It is no model, or lacks its weights, or has no such signature, or several and none that serves; or the
            signature does not name all that its graph is given, or names what it does not give.
    """
    check_model_file(model)
    repaired = ""
    if repair:
        original, (model, repaired) = model, repair_quantized_dimensions(model, sha256, cache_dir / "models")
        sha256 = sha256 if model == original else model.stem
    try:
        described = read_model(model)
    except ModelRejected:
        # A corrupt file: the runtime's own words say best what is wrong with it.
        return RunFile(model, None, HiddenState(), has_open_sizes=False, repaired=repaired)
    if described.lacks_weights:
        raise ModelRejected(described.lacks_weights)
    chosen = choose_signature(described, signature)
    path, why = with_signature_first(described, chosen, sha256, cache_dir / "models")
    if path != model:
        described = read_model(path)
    still_open = any(
        is_rank_untold(tensor) or open_axes(declared_shape(tensor)) for tensor in described.main.input_tensors
    )
    completed: str | None = None
    # Where sizes are open, the shapes that the runtime would find are those of 1.
    if complete and not still_open:
        path, completed = complete_shapes(path, _name(path, model, sha256), cache_dir / "models")
    key = chosen.key if chosen else None
    return RunFile(path, key, hidden_state(described), still_open, why, completed or "", repaired)


def without_completion(file: RunFile, model: Path, sha256: str, cache_dir: Path) -> RunFile:
    """The same with its shapes as the file has them."""
    repair = bool(file.repaired)
    return find_run_file(model, sha256, cache_dir, signature=file.signature, complete=False, repair=repair)


def _name(path: Path, model: Path, sha256: str) -> str:
    """What a copy of a copy is named by."""
    return sha256 if path == model else path.stem
