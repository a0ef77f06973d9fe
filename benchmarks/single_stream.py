"""SingleStream through LoadGen against a bare loop over the same interpreter, one thread each, alternating.

Target: p50 and p90 within 1 % for a model of 1 ms and more; at most 3 us above it for keyword spotting (about 22 us).
"""

from __future__ import annotations

from benchmarks.side_by_side import bare_loop, harness, median, subjects

_ROUNDS = 5
_SECONDS = 4
_SAME_FILE = ("--set", "backend.complete_shapes=false")
"""The bare loop runs the file as it is, so we do too."""


def main() -> None:
    """Prints a line a model."""
    print(f"{'model':28}{'bare p50':>12}{'ours p50':>12}{'p50 ratio':>11}{'p90 ratio':>11}{'p50 more':>12}")
    for subject in subjects():
        ours50, bare50, ratio50, ratio90 = [], [], [], []
        for _ in range(_ROUNDS):
            one = harness(
                subject,
                "--threads",
                "1",
                "--preset",
                "rapid",
                "--set",
                f"load.min_duration_ms={_SECONDS * 1000}",
                *_SAME_FILE,
            )
            bare = bare_loop(one["model"]["path"], _SECONDS)
            latency = one["performance"]["latency_ns"]
            ours50.append(latency["p50"])
            bare50.append(bare["p50"])
            ratio50.append(latency["p50"] / bare["p50"])
            ratio90.append(latency["p90"] / bare["p90"])
        more_us = median([ours - bare for ours, bare in zip(ours50, bare50, strict=True)]) / 1e3
        print(
            f"{subject.name:28}{median(bare50) / 1e3:10.1f}us{median(ours50) / 1e3:10.1f}us"
            f"{median(ratio50):11.4f}{median(ratio90):11.4f}{more_us:10.2f}us"
        )


if __name__ == "__main__":
    main()
