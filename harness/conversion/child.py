"""Variants are made in a process of its own, files in and files out: a quantiser may take it down, or need much memory.

`python -P -m harness.conversion.child ANSWER_FD PARENT_PID ASKED` is that process.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time

from backends.litert.file.model_reader import read_model
from harness.conversion.model_objects import read_objects, write_objects
from harness.conversion.packed_files import copy_packed_files
from harness.conversion.quantiser.calibration import NO_SAMPLES, prepared
from harness.conversion.quantiser.post_training import PostTraining
from harness.conversion.quantiser.uint8_model import to_int8_per_channel
from harness.conversion.record import AskedVariants, MadeVariant, MadeVariants, Variant
from harness.conversion.source_model import weights_made_small
from harness.machine.child_process import live_and_die_with
from harness.machine.json_line import decode
from harness.messages.conversation import Hear, Progressed, ask, tell
from harness.spec.schema import Spec


def make_variants(asked: AskedVariants, hear: Hear, *, timeout_s: float) -> MadeVariants:
    """Makes them in a process of its own.

    Raises:
        ConfigError: The model cannot be made so, or a sample cannot be read.
        RunFailed: The process broke, crashed, or told nothing for `timeout_s`.
    """
    return ask("harness.conversion.child", asked, MadeVariants, timeout_s=timeout_s, hear=hear)


def made(asked: AskedVariants, hear: Hear) -> MadeVariants:
    """The process's work."""
    samples, quantiser = NO_SAMPLES, None
    total = len(asked.variants)
    if asked.kind == "float":
        hear(Progressed("prepare samples", 0, total))
        if asked.spec is not None and asked.samples:
            samples = prepared(Spec.model_validate(dict(asked.spec)), asked.samples)
        quantiser = PostTraining(asked.source, asked.folder, samples, len(os.sched_getaffinity(0)))
    files = []
    for place, variant in enumerate(asked.variants):
        hear(Progressed(f"make {variant}", place, total))
        seen_s, began = quantiser.calibration_s if quantiser else 0.0, time.perf_counter()
        file = asked.folder / f"{variant}.tflite"
        if quantiser is not None:
            quantiser.make(variant, file)
            began += quantiser.calibration_s - seen_s
        else:
            model = read_objects(asked.source)
            to_int8_per_channel(model)
            write_objects(model, file)
        copy_packed_files(asked.source, file)
        files.append(_described(asked, variant, time.perf_counter() - began))
    return MadeVariants(tuple(files), samples.sha256 or None, quantiser.calibration_s if quantiser else 0.0)


def _described(asked: AskedVariants, variant: Variant, took_s: float) -> MadeVariant:
    file = asked.folder / f"{variant}.tflite"
    model = read_model(file)
    small = weights_made_small(tensor for graph in model.subgraphs for tensor in graph.tensors)
    per_channel = [each for each in small if each.quantisation and len(each.quantisation.scales) > 1]
    data = file.read_bytes()
    return MadeVariant(variant, file, hashlib.sha256(data).hexdigest(), len(data), took_s, len(small), len(per_channel))


def main() -> None:
    """The process."""
    answer, parent, words = sys.argv[1:]
    live_and_die_with(int(parent))
    tell(int(answer), lambda hear: made(decode(words, AskedVariants), hear))


if __name__ == "__main__":
    main()
