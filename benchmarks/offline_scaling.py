"""Offline with an instance a core against one instance, alternating. Target: at least 1.9 times on 2 cores."""

from __future__ import annotations

from benchmarks.side_by_side import harness, median, subjects

_ROUNDS = 5
_SECONDS = 3


def main() -> None:
    """Prints a line a model."""
    print(f"{'model':28}{'one instance':>16}{'all cores':>16}{'ratio':>9}")
    for subject in subjects():
        one, every, ratios = [], [], []
        length = f"load.min_duration_ms={_SECONDS * 1000}"
        for _ in range(_ROUNDS):
            rates = [
                harness(
                    subject, "--scenario", "Offline", "--preset", "rapid", "--threads", "1", *more, "--set", length
                )["performance"]["samples_per_second"]
                for more in (("--instances", "1"), ())
            ]
            one.append(rates[0])
            every.append(rates[1])
            ratios.append(rates[1] / rates[0])
        print(f"{subject.name:28}{median(one):14,.1f}/s{median(every):14,.1f}/s{median(ratios):9.2f}")


if __name__ == "__main__":
    main()
