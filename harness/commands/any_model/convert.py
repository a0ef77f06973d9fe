"""`convert`: a model as TFLite files of other types. Only its options: what it does is imported after `--help`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.commands import options
from harness.commands.any_model import benchmark_model_flags as flags
from harness.commands.input_options import add_input_shape
from harness.commands.outcome import Outcome
from harness.errors import EXIT_INVALID, ConfigError, unknown

if TYPE_CHECKING:
    from harness.conversion.convert import Calibrating
    from harness.conversion.first_file import FirstFile
    from harness.conversion.made_files import Making
    from harness.conversion.record import Conversion, MadeVariant, Variant
    from harness.report.screen import Screen
    from harness.series.plan import Series

EXAMPLES = """\
examples:
  ./run.sh convert model.tflite -o small --to float16,dynamic
  ./run.sh convert model.tflite -o small --to int8,int8-float --task classification --dataset DIR --max-drop 1%
  ./run.sh convert model.tflite -o small --to int8 --task vww --calibration-data TRAIN --calibration-list list.txt
  ./run.sh convert yolo.cfg --weights yolo.weights -o small --to float32,int8 --task yolo_person --dataset DIR
  ./run.sh convert saved_model/ -o small --to float32,dynamic      after ./run.sh install converters tensorflow
  ./run.sh convert mobilebert-squad/ -o small --to dynamic --task mobilebert        config.json and model.safetensors
  ./run.sh convert mobilenet_quant.tflite -o small --to int8       a uint8 model with a scale a tensor, to a scale a channel

exit status: 0 converted; 1 a variant lost more than --max-drop; 2 something for you to fix; 3 it broke (docs/convert.md)
"""
_MOST_SAMPLES = 100_000
FIELDS = {
    name: options.FIELDS[name]
    for name in ("dataset", "truth", "profile", "signature", "threads", "count", "allow-mismatch")
}
"""Options that write a field of the config, by name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The source, what is made of it, what calibrates and what scores."""
    parser.add_argument(
        "source",
        metavar="IN",
        help="a .tflite file or the name of a model (./run.sh list), a Darknet .cfg, a SavedModel, .h5, .keras, .pb, "
        ".onnx or .pt2, a folder with a MobileBERT checkpoint of Hugging Face's",
    )
    parser.add_argument(
        "-o", "--out", required=True, metavar="DIR", help="where the files go; none there is written over"
    )
    parser.add_argument(
        "--to",
        metavar="TYPES",
        help="float16, dynamic, weight-only, int8 (int8-uint8, int8-float: its inputs and outputs), int16x8, "
        "separated by commas",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="of a Darknet .cfg (default: the .weights file beside it, of the same name)"
    )
    parser.add_argument(
        "--post-process",
        metavar="FILE",
        help="YAML: adds TFLite_Detection_PostProcess to an SSD's raw boxes and scores (docs/convert.md)",
    )
    parser.add_argument(
        "--trust-checkpoint",
        action="store_true",
        help="read a network that could run code of its makers (pickles, Lambda layers)",
    )
    parser.add_argument(
        "--task", metavar="NAME|FILE", help="a benchmark, an alias or a YAML file: its data calibrate and score"
    )
    parser.add_argument(
        "--calibration-data", metavar="NAME|PATH", help="another data set to calibrate on (default: --dataset)"
    )
    parser.add_argument(
        "--calibration-list",
        metavar="FILE",
        help="names of the samples to calibrate on, or their places from 0, a line each (default: spread evenly)",
    )
    parser.add_argument("--calibration-samples", metavar="N", help="how many, without a list (default 100)")
    parser.add_argument(
        "--max-drop",
        metavar="SHARE",
        help="of the original's score, as 1%%: the most that a variant may lose, else exit status 1",
    )
    parser.add_argument("--only-convert", action="store_true", help="do not score and time the variants on the task")
    for name, option in FIELDS.items():
        option.add_to(parser, name)
    add_input_shape(parser)
    parser.add_argument(
        "--backend", action="append", metavar="NAME[:OPTIONS]", help="cpu (default), gpu, ...; repeatable"
    )
    flags.add_flags(parser, flags.PACE)
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="any field of the config")


@dataclass(frozen=True, slots=True)
class _ConvertOptions:
    """The options, read."""

    arguments: argparse.Namespace
    folder: Path
    variants: tuple[Variant, ...]
    allowed: float | None
    """By `--max-drop`."""

    @property
    def scores(self) -> bool:
        """Whether the variants are scored on a task."""
        return self.arguments.task is not None and not self.arguments.only_convert


def main(arguments: argparse.Namespace) -> Outcome:
    """Converts, and scores and times what came of it where a task is named."""
    from harness.conversion.convert import convert
    from harness.conversion.made_files import making
    from harness.conversion.report import render_conversion
    from harness.json_records import to_json
    from harness.report.screen import Screen

    asked = _asked(arguments)
    screen = Screen(quiet=arguments.json or arguments.quiet)
    with making(asked.folder, screen.say) as place:
        source, name, before = _source(asked, place)
        if arguments.post_process is not None:
            source, before = _with_post_process(asked, source, name, before, place)
        variants = tuple(variant for variant in asked.variants if not before or variant != "float32")
        made = convert(
            source,
            variants,
            place,
            name,
            _calibrating(asked, source.path),
            lambda heard: screen.count(heard.what, heard.done, heard.total),
            before=before,
        )
    # What was made of another form has been put into the folder.
    original = made.files[0].file if before else source.path
    screen.end_progress()
    text, data = render_conversion(made), {"conversion": to_json(made)}
    if not asked.scores or (before and not variants):
        return Outcome(0, text, data)
    return _compared(asked, original, made, text, data, screen)


def _with_post_process(
    asked: _ConvertOptions, source: FirstFile, name: str, before: tuple[MadeVariant, ...], making: Making
) -> tuple[FirstFile, tuple[MadeVariant, ...]]:
    from harness.conversion.first_file import with_post_process

    changed, made = with_post_process(source, before, Path(asked.arguments.post_process), making, name)
    return changed, (made,)


def _source(asked: _ConvertOptions, making: Making) -> tuple[FirstFile, str, tuple[MadeVariant, ...]]:
    """The .tflite file that is quantised, how names begin, and what was made of another form to get it."""
    from harness.conversion.converters.forms import foreign_of
    from harness.conversion.darknet.files import darknet_of
    from harness.conversion.first_file import FirstFile, convert_checkpoint, convert_darknet, convert_foreign
    from harness.conversion.huggingface.checkpoint import checkpoint_of
    from harness.spec.any_model import find_any_model
    from harness.zoo.files.official import cache_dir

    arguments = asked.arguments
    if (darknet := darknet_of(arguments.source, arguments.weights)) is not None:
        source, made = convert_darknet(darknet, making, darknet.cfg.stem)
        return source, darknet.cfg.stem, (made,)
    if (checkpoint := checkpoint_of(arguments.source)) is not None:
        name = checkpoint.config.resolve().parent.name
        source, made = convert_checkpoint(checkpoint, making, name, trusted=arguments.trust_checkpoint)
        return source, name, (made,)
    if (foreign := foreign_of(arguments.source)) is not None:
        name = foreign.path.resolve().stem
        source, made = convert_foreign(foreign, making, name, trusted=arguments.trust_checkpoint)
        return source, name, (made,)
    if not asked.variants and arguments.post_process is None:
        raise ConfigError("say what to make of it: --to float16,dynamic,int8 (./run.sh convert --help)")
    found = find_any_model(arguments.source, cache_dir())
    return FirstFile(found.ref.path), found.ref.name, ()


def _asked(arguments: argparse.Namespace) -> _ConvertOptions:
    from harness.conversion.record import VARIANTS
    from harness.units import parse_quantity

    names = [name.strip().replace("_", "-") for name in (arguments.to or "").split(",") if name.strip()]
    for name in names:
        if name not in VARIANTS:
            raise ConfigError(f"--to: {unknown('type', name, VARIANTS)}")
    allowed = None
    if arguments.max_drop is not None:
        if arguments.task is None or arguments.only_convert:
            raise ConfigError("--max-drop judges scores on a task: name it with --task and leave out --only-convert")
        try:
            allowed = parse_quantity(arguments.max_drop, "share")
        except ValueError as error:
            raise ConfigError(f"--max-drop {error}") from None
        if not 0 <= allowed <= 1:
            raise ConfigError(f"--max-drop must lie between 0% and 100%, not {arguments.max_drop}")
    folder = Path(arguments.out)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"-o {folder} is a file: name a folder")
    variants = tuple(name for name in VARIANTS if name in names)
    return _ConvertOptions(arguments, folder, variants, allowed)


def _series(asked: _ConvertOptions, models: list[str], more: list[tuple[str, Any]]) -> Series:
    from harness.commands.options import overrides_of
    from harness.config.files import find_benchmark, kind_overrides
    from harness.series.plan import plan_series
    from harness.zoo.files.official import cache_dir

    arguments = asked.arguments
    return plan_series(
        find_benchmark(arguments.task),
        [*kind_overrides(arguments.task), *overrides_of(arguments, FIELDS), ("load.mode", "accuracy"), *more],
        models=models,
        backends=arguments.backend or [],
        repeat=1,
        cache_dir=cache_dir(),
    )


def _calibrating(asked: _ConvertOptions, original: Path) -> Calibrating | None:
    """The task on the data that calibrate; all that a comparison needs is seen to be there before anything is made."""
    from harness.commands.any_model.subject import whole_number
    from harness.conversion.convert import DEFAULT_SAMPLES, Calibrating

    arguments = asked.arguments
    count = whole_number("--calibration-samples", arguments.calibration_samples, _MOST_SAMPLES)
    listed = Path(arguments.calibration_list) if arguments.calibration_list else None
    if arguments.task is None:
        if named := [name for name in ("calibration_data", "calibration_list", "dataset") if getattr(arguments, name)]:
            raise ConfigError(f"--{named[0].replace('_', '-')} is prepared as a task says: name it with --task")
        return None
    if listed is not None and count is not None:
        raise ConfigError("--calibration-list names its samples: leave out --calibration-samples")
    own = arguments.calibration_data
    # What is counted off are the samples that score.
    more = [("dataset.use", own), ("dataset.count", None), ("dataset.truth", "auto")] if own else []
    series = _series(asked, [str(original)], more)
    if asked.scores and own:
        _series(asked, [str(original)], [])
    return Calibrating(series.runs[0].spec, count or DEFAULT_SAMPLES, listed, asked.scores and own is None)


def _compared(
    asked: _ConvertOptions, original: Path, made: Conversion, text: str, data: dict[str, Any], screen: Screen
) -> Outcome:
    from harness.bench.session import Settings
    from harness.json_records import to_json
    from harness.side_by_side.compare import compare_models
    from harness.side_by_side.drop import lost
    from harness.side_by_side.drop_report import missed, render_variants
    from harness.whole_file import write_json

    others = [str(one.file) for one in made.files if one.file != original]
    series = _series(asked, [str(original), *others], [])
    found = compare_models(series, Settings(**flags.pace_of(asked.arguments)), asked.folder / "runs", screen)
    judged = lost(found, series, asked.allowed)
    data |= {"comparison": to_json(found), "lost": [to_json(each) for each in judged]}
    write_json(asked.folder / "comparison.json", data)
    why = [f"{name}: {failure}" for each in found.backends for name, failure in each.failures.items()]
    why += [f"{row.name}: {row.refusal.why}" for each in found.backends for row in each.bench.rows if row.refusal]
    gate = missed(judged)
    status = found.exit_status or (EXIT_INVALID if gate else 0)
    complaint = "; ".join(dict.fromkeys([*why, *([gate] if gate else [])]))
    return Outcome(status, f"{text}\n\n{render_variants(found, judged)}", data, complaint)
