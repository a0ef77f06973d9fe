"""The mobile app's result.json of this harness's runs (MA tools/extended_result_schema.json); its platform is linux."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from harness.config.official.rule_sets import BenchmarkRules
from harness.submission.forms.runs import RunPair, SubmittedRun
from harness.submission.tree.app_result import (
    AppAccuracy,
    AppBackend,
    AppBenchmark,
    AppDataset,
    AppDevice,
    AppLoadgen,
    AppResultFile,
    AppRun,
    BackendSettings,
    BuildInfo,
    EnvironmentInfo,
    ExtraSetting,
    Meta,
    Throughput,
)

_NAMESPACE = uuid.UUID("6f6d8a0c-1c52-5c9b-8f0e-5a0b0f6c7c1d")
_TYPES = {
    "classification": "IMAGENET",
    "detection": "COCO",
    "segmentation": "ADE20K",
    "question_answering": "SQUAD",
    "super_resolution": "SNUSR",
}
"""As the app's proto names data sets."""


def app_result(pairs: Sequence[tuple[RunPair, BenchmarkRules]]) -> AppResultFile:
    """The file for a device's runs. The same runs give the same file.

    Args:
        pairs: Benchmarks with the rules of their round; those that the app does not know are left out.
    """
    runs = [run for pair, _ in pairs for run in pair.all]
    hashes = ",".join(sorted(f"{run.spec.model.sha256}{run.log.entries.get('test_datetime')}" for run in runs))
    known = [(pair, names.names.app.get(pair.performance.spec.load.scenario), names) for pair, names in pairs]
    created = max(
        (moment for run in runs if (moment := run.log.moment("power_end"))), default=datetime(2020, 1, 1, tzinfo=UTC)
    )
    return AppResultFile(
        meta=Meta(str(uuid.uuid5(_NAMESPACE, hashes)), _stamp(created), None),
        results=tuple(_benchmark(pair, app) for pair, app, _ in known if app is not None),
        environment_info=EnvironmentInfo("linux", AppDevice(None, None, None)),
        build_info=BuildInfo(
            version=metadata.version("tflite-loadgen"),
            build_number="0",
            build_date=_stamp(created),
            official_release_flag=False,
            dev_test_flag=True,
            backend_list=tuple(sorted({run.result.backend.name for run in runs})),
            git_branch="",
            git_commit="",
            git_dirty_flag=False,
        ),
    )


def _benchmark(pair: RunPair, benchmark_id: str) -> AppBenchmark:
    run, result = pair.performance, pair.performance.result
    opened, answering = result.backend.opened, result.backend.answering
    name = opened.delegate if opened and opened.delegate else result.backend.name
    threads = answering.threads if answering else 1
    return AppBenchmark(
        benchmark_id=benchmark_id,
        benchmark_name=run.spec.title,
        loadgen_scenario=pair.scenario,
        backend_settings=BackendSettings(
            accelerator_code=result.backend.name,
            accelerator_desc=name,
            framework="LiteRT",
            delegate=(opened.delegate if opened else None) or "",
            model_path=Path(result.model.path).as_uri() if Path(result.model.path).is_absolute() else result.model.path,
            batch_size=answering.batch if answering else 1,
            extra_settings=(ExtraSetting("threads", "Number of threads", str(threads), str(threads)),),
        ),
        backend_info=AppBackend("tflite-loadgen", "tflite-loadgen", opened.engine if opened else "LiteRT", name),
        performance_run=_performance(pair.performance),
        accuracy_run=_accuracy(pair.accuracy),
        min_duration=run.spec.load.min_duration_ms / 1000,
        min_samples=run.spec.load.min_query_count,
    )


def _performance(run: SubmittedRun) -> AppRun:
    log, figures = run.log, run.result.performance
    p90 = (log.number("result_90.00_percentile_latency_ns") or 0.0) / 1e9
    offline = log.number("result_samples_per_second")
    return AppRun(
        throughput=Throughput(offline if offline is not None else 1 / p90 if p90 else 0.0),
        accuracy=None,
        accuracy2=None,
        dataset=_dataset(run),
        measured_duration=figures.duration_s if figures else 0.0,
        measured_samples=figures.sample_count if figures else 0,
        start_datetime=_start(run),
        loadgen=AppLoadgen(
            query_count=log.integer("result_query_count") or 0,
            latency_mean=(log.number("result_mean_latency_ns") or 0.0) / 1e9,
            latency90=p90,
            is_min_duration_met=log.flag("result_min_duration_met") is True,
            is_min_query_met=log.flag("result_min_queries_met") is True,
            # Offline's has nothing to stop early.
            is_early_stopping_met=log.flag("early_stopping_met") is not False,
            is_result_valid=log.text("result_validity") == "VALID",
        ),
    )


def _accuracy(run: SubmittedRun) -> AppRun:
    begin, end = run.log.moment("power_begin"), run.log.moment("power_end")
    scores = list((run.result.accuracy or {}).items())
    shown = [
        AppAccuracy(one.value / 100, f"{one.value:.2f} dB")
        if name.endswith("_db")
        else AppAccuracy(one.value, f"{100 * one.value:.2f}%")
        for name, one in scores
    ]
    return AppRun(
        throughput=None,
        accuracy=shown[0] if shown else None,
        accuracy2=shown[1] if len(shown) > 1 else None,
        dataset=_dataset(run),
        measured_duration=(end - begin).total_seconds() if begin and end else 0.0,
        measured_samples=run.result.dataset.count or 0,
        start_datetime=_start(run),
        loadgen=None,
    )


def _dataset(run: SubmittedRun) -> AppDataset:
    data = run.result.dataset
    truth = data.described.get("truth")
    return AppDataset(data.name, _TYPES.get(run.spec.task, "UNKNOWN"), data.path, str(truth) if truth else "")


def _start(run: SubmittedRun) -> str:
    moment = run.log.moment("power_begin")
    return _stamp(moment) if moment else ""


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
