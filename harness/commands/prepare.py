"""`prepare`: a data set laid out from what its owners distribute, or its samples prepared ahead for a benchmark's runs."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from harness.commands import options
from harness.commands.input_options import add_input_shape
from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID, ConfigError, UnknownName
from harness.user_paths import absolute
from harness.zoo.files.catalog import read_catalog
from harness.zoo.files.meter import Counter
from harness.zoo.files.official import cache_dir

EXAMPLES = """\
examples:
  ./run.sh prepare imagenet_val --from ILSVRC2012_img_val.tar --truth val.txt
  ./run.sh prepare imagenet_val --from /data/imagenet/val          pictures in a folder for each class
  ./run.sh prepare coco_val2017 --from val2017.zip --truth annotations_trainval2017.zip
  ./run.sh prepare coco_val2017                                    from what fetch brought
  ./run.sh prepare ade20k_val --from ADEChallengeData2016.zip
  ./run.sh prepare squad_dev --from dev-v1.1.json --vocab vocab.txt
  ./run.sh prepare coco_val2017 --from hf:NAME:val --truth annotations_trainval2017.zip
                                                                   a Hugging Face data set (./run.sh install hf)
  ./run.sh prepare --task mobilenet_edgetpu --dataset imagenet_val    its samples, ahead of runs, into the cache
  ./run.sh prepare --task mobilenet_edgetpu --dataset imagenet_val --dispatch ray://10.0.0.1:6379
                                                                   by a cluster, into its nodes' caches (docs/cluster.md)
"""

FIELDS = {name: options.FIELDS[name] for name in ("dataset", "truth", "count", "signature")} | {
    "dispatch": replace(
        options.FIELDS["dispatch"],
        help="who prepares them: local (default), ray (a Ray cluster of this machine) or ray://HOST:PORT (one that is there, "
        "into its nodes' caches: docs/cluster.md)",
    )
}
"""Options that write a field of the config, by name: with --task."""
_OF_SAMPLES = ("model", "backend", "dataset", "count", "signature", "dispatch", "input-shape", "set")
_OF_LAYOUT = {"--from": "source", "--vocab": "vocab", "--cache-dir": "cache_dir"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The data set, and where what it is made of lies."""
    parser.add_argument("name", nargs="?", help="imagenet_val, coco_val2017, ade20k_val or squad_dev")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="PATH|hf:NAME:SPLIT",
        type=Path,
        help="the archive as distributed, a folder, or hf:NAME:SPLIT",
    )
    parser.add_argument("--vocab", metavar="FILE", type=Path, help="SQuAD: the vocabulary the model was trained with")
    parser.add_argument("--copy", action="store_true", help="copy the pictures of a folder instead of linking them")
    parser.add_argument(
        "--cache-dir", metavar="DIR", type=Path, help="default: TFLITE_LOADGEN_CACHE, else ~/.cache/tflite-loadgen"
    )
    parser.add_argument(
        "--task",
        metavar="NAME|FILE",
        help="in place of a data set: prepare the samples of a benchmark, as its runs would",
    )
    parser.add_argument("--model", metavar="NAME|PATH", help="with --task: the model that they are prepared for")
    parser.add_argument("--backend", metavar="NAME[:OPTIONS]", help="with --task: what opens the model (default cpu)")
    for name, option in FIELDS.items():
        option.add_to(parser, name)
    add_input_shape(parser)
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="with --task: any field of the config"
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Lays the set out, or prepares its samples, and says what it found.

    Raises:
        ConfigError: Neither or both are asked for.
    """
    if (arguments.name is None) == (arguments.task is None):
        raise ConfigError("name a data set to lay out, or with --task a benchmark whose samples are to be prepared")
    if arguments.task is not None:
        if others := [flag for flag, name in _OF_LAYOUT.items() if getattr(arguments, name) is not None]:
            raise ConfigError(f"{', '.join(others)} is of a data set to lay out, not of --task")
        return _prepare_samples(arguments)
    if others := [flag for flag in _OF_SAMPLES if getattr(arguments, flag.replace("-", "_"))]:
        raise ConfigError(f"--{others[0]} goes with --task, not with a data set to lay out")
    return _lay_out(arguments)


def _lay_out(arguments: argparse.Namespace) -> Outcome:
    from harness.zoo.layouts.folders import LAYOUTS
    from harness.zoo.layouts.prepare import Given, prepare

    known = read_catalog().prepared
    if arguments.name not in known:
        raise UnknownName("data set to prepare", arguments.name, known)
    counter = Counter(f"files of {arguments.name} are in place")
    on_file = None if arguments.json else counter.count
    truth = None if arguments.truth is None else Path(arguments.truth)
    given = Given(arguments.source, truth, arguments.vocab, arguments.copy, on_file)
    cache = absolute(arguments.cache_dir or cache_dir())
    try:
        done = prepare(arguments.name, known[arguments.name], given, cache, LAYOUTS)
    finally:
        counter.end()
    data = {
        "name": arguments.name,
        "path": str(done.path),
        "count": done.count,
        "state": done.state,
        "how": done.how,
        "licence": known[arguments.name].licence,
        "notes": list(done.notes),
    }
    note = "" if done.state == "verified" else ", of files without a published checksum: no target binds"
    text = f"{done.state}: {done.path}, {done.count:,} samples, {done.how}{note}\nlicence: {data['licence']}"
    text += "".join(f"\nnote: {note}" for note in done.notes)
    return Outcome(EXIT_VALID, text, data)


def _prepare_samples(arguments: argparse.Namespace) -> Outcome:
    from harness.config.backend import parse_backend
    from harness.config.files import find_benchmark, kind_overrides, read_config
    from harness.json_records import to_json
    from harness.run.prepared_ahead import prepare_samples
    from harness.spec.resolve import resolve

    # Of a load only whether it may be answered by a cluster counts here.
    overrides = [
        ("load.scenario", "Offline"),
        *kind_overrides(arguments.task),
        *options.overrides_of(arguments, FIELDS),
    ]
    overrides += [("model.use", arguments.model)] if arguments.model is not None else []
    overrides += parse_backend(arguments.backend) if arguments.backend is not None else []
    spec = resolve(read_config(find_benchmark(arguments.task)), overrides, cache_dir())
    counter = Counter("samples are prepared")
    try:
        done = prepare_samples(spec, lambda told: None if arguments.json else counter.count(told.done))
    finally:
        counter.end()
    by = "" if done.caches == done.nodes == 1 else f" in {done.caches} caches of {done.nodes} nodes"
    how = "were here" if done.were_here else "prepared"
    text = f"{how}: {done.folder}, {done.samples:,} samples{by}\nseal: {done.seal}"
    text += "".join(f"\nnote: {note}" for note in done.warnings)
    data = to_json(done)
    return Outcome(EXIT_VALID, text, data)
