"""The figures of an output's error, as a record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotFinite:
    """Values that are no finite numbers: they are in none of the figures."""

    found_nan: int = 0
    """NaN in what was found."""
    found_inf: int = 0
    """Infinities, of either sign."""
    expected_nan: int = 0
    """As `found_nan`, in what was expected."""
    expected_inf: int = 0
    """As `found_inf`."""
    differing: int = 0
    """Places where one side has such a value and the other has not the very same."""

    @property
    def any(self) -> bool:
        """Whether there is one on either side."""
        return bool(self.found_nan or self.found_inf or self.expected_nan or self.expected_inf)


@dataclass(frozen=True, slots=True)
class OutputError:
    """How far one output is from what it should be, over all samples. None where a figure says nothing of such an output."""

    samples: int
    """How many were compared."""
    values: int
    """Elements of them that are finite on both sides, or texts: all figures are of these."""
    max_error: float | None
    """The largest error, in real units."""
    mean_error: float | None
    """The mean of the errors' sizes, in real units."""
    rmse: float | None
    """The root of the mean square error, in real units."""
    snr_db: float | None
    """The signal-to-noise ratio in dB, at most `MOST_DB`."""
    cosine: float | None
    """-1 to 1; 1 where both sides are zeros alone, 0 where one side is."""
    argmax_agreement: float | None
    """Share of places, 0 to 1, whose largest value is the same one; None where no axis is one of choices (`choice_axis`).
    Places where both sides have NaN are none of them: there is no largest value."""
    equal_share: float | None
    """Share of values, 0 to 1, that are equal to the last bit."""
    max_steps: float | None
    """The largest error in quantisation steps; None where the two are not quantised alike."""
    mean_steps: float | None
    """The mean of the errors' sizes in steps, likewise."""
    expected_span: float | None
    """From the least to the largest of what was expected, in real units."""
    not_finite: NotFinite
    """What is in none of these figures."""

    @property
    def comparable(self) -> bool:
        """Whether the figures tell all: no value that is no number stands where another should be."""
        return self.not_finite.differing == 0
