"""The harness alone: the null backend answers at once, what remains is ours and LoadGen's.

Target: SingleStream p50 <= 3 us and <= 4 us in all a query; Offline <= 1 us a sample.
"""

from __future__ import annotations

from benchmarks.side_by_side import Subject, harness, median, subjects

_ROUNDS = 5


def main() -> None:
    """Prints medians of five rounds."""
    subject: Subject = subjects()[0]
    p50, whole, offline = [], [], []
    for _ in range(_ROUNDS):
        one = harness(subject, "--backend", "null", "--preset", "rapid", "--set", "load.min_duration_ms=1000")
        p50.append(one["performance"]["latency_ns"]["p50"] / 1e3)
        whole.append(1e6 / one["performance"]["samples_per_second"])
        many = harness(subject, "--backend", "null", "--scenario", "Offline", "--set", "load.min_query_count=1000000")
        offline.append(1e6 / many["performance"]["samples_per_second"])
    print(f"null backend, {subject.name}, medians of {_ROUNDS} rounds")
    print(f"  SingleStream p50         {median(p50):6.2f} us   target 3, ratio {median(p50) / 3:.2f}")
    print(f"  SingleStream in all      {median(whole):6.2f} us   target 4, ratio {median(whole) / 4:.2f}")
    print(f"  Offline a sample         {median(offline):6.2f} us   target 1, ratio {median(offline) / 1:.2f}")


if __name__ == "__main__":
    main()
