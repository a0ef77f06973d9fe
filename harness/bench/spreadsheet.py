"""What `bench` found, for spreadsheets: a line of CSV for each row."""

from __future__ import annotations

import csv
import io

from harness.bench.result import BenchResult, BenchRow

_CSV = (
    "model",
    "path",
    "source",
    "sha256",
    "backend",
    "engine",
    "threads",
    "load_ns",
    "first_ns",
    "warm_up_mean_ns",
    "runs",
    "mean_ns",
    "std_ns",
    "min_ns",
    "median_ns",
    "max_ns",
    "p5_ns",
    "p90_ns",
    "p95_ns",
    "p99_ns",
    "memory_load_bytes",
    "memory_overall_bytes",
    "peak_rss_bytes",
    "size_bytes",
    "gzip_bytes",
    "ops",
    "multiply_adds",
    "parameters",
    "zero_weights_share",
    "arena_bytes",
    "nan_values",
    "speed",
    "speed_low",
    "speed_high",
    "standing",
    "refusal",
)


def csv_text(result: BenchResult) -> str:
    """A line for each row; what is not known is empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_CSV)
    for row in result.rows:
        known = _flat(row)
        writer.writerow(["" if known.get(name) is None else known[name] for name in _CSV])
    return file.getvalue().rstrip("\n")


def _flat(row: BenchRow) -> dict[str, object]:
    flat: dict[str, object] = {
        "model": row.model,
        "path": row.path,
        "source": row.source,
        "sha256": row.sha256,
        "backend": row.backend_asked,
        "threads": row.threads,
        "standing": row.standing,
    }
    if row.opened is not None:
        flat |= {"engine": row.opened.backend.engine, "load_ns": row.opened.load_ns}
    if row.warm_up is not None:
        flat |= {"first_ns": row.warm_up.first_ns, "warm_up_mean_ns": row.warm_up.mean_ns}
    if row.found is not None:
        latency, memory = row.found.latency, row.found.memory
        names = ("mean", "std", "min", "median", "max", "p5", "p90", "p95", "p99")
        flat |= {"runs": latency.runs, **{f"{name}_ns": getattr(latency, name) for name in names}}
        flat |= {
            "memory_load_bytes": memory.load_bytes,
            "memory_overall_bytes": memory.overall_bytes,
            "peak_rss_bytes": memory.peak_rss_bytes,
            "nan_values": sum(row.found.nan.values()),
        }
    if (described := row.description) is not None:
        flat |= {"size_bytes": described.size_bytes, "gzip_bytes": described.gzip_bytes}
        if (runs := described.runs) is not None:
            flat |= {
                name: getattr(runs, name)
                for name in ("multiply_adds", "parameters", "zero_weights_share", "arena_bytes")
            }
            flat["ops"] = sum(each.count for each in runs.operators)
    if row.speed is not None:
        flat |= {"speed": row.speed.median, "speed_low": row.speed.low, "speed_high": row.speed.high}
    if row.refusal is not None:
        flat["refusal"] = f"{row.refusal.kind}: {row.refusal.why}"
    return flat
