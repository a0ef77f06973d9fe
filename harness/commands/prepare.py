"""`prepare`: a data set laid out from what its owners distribute."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.outcome import Outcome
from harness.errors import EXIT_VALID, UnknownName
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
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The data set, and where what it is made of lies."""
    parser.add_argument("name", help="imagenet_val, coco_val2017, ade20k_val or squad_dev")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="PATH|hf:NAME:SPLIT",
        type=Path,
        help="the archive as distributed, a folder, or hf:NAME:SPLIT",
    )
    parser.add_argument("--truth", metavar="PATH", type=Path, help="labels or annotations, where they come apart")
    parser.add_argument("--vocab", metavar="FILE", type=Path, help="SQuAD: the vocabulary the model was trained with")
    parser.add_argument("--copy", action="store_true", help="copy the pictures of a folder instead of linking them")
    parser.add_argument(
        "--cache-dir", metavar="DIR", type=Path, help="default: TFLITE_LOADGEN_CACHE, else ~/.cache/tflite-loadgen"
    )


def main(arguments: argparse.Namespace) -> Outcome:
    """Lays the set out and says what it found."""
    from harness.zoo.layouts.folders import LAYOUTS
    from harness.zoo.layouts.prepare import Given, prepare

    known = read_catalog().prepared
    if arguments.name not in known:
        raise UnknownName("data set to prepare", arguments.name, known)
    counter = Counter(f"files of {arguments.name} are in place")
    on_file = None if arguments.json else counter.count
    given = Given(arguments.source, arguments.truth, arguments.vocab, arguments.copy, on_file)
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
