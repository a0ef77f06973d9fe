"""Student's t and the beta distribution. Without numpy, which a list of finished runs does not need."""

from __future__ import annotations

import math

_STEPS = 200
_MOST_TERMS = 20_000
_TINY = 1e-300


def student_quantile(share: float, freedom: float) -> float:
    """Of Student's t with so many degrees of freedom: as `scipy.stats.t.ppf`."""
    if share < 0.5:
        return -student_quantile(1 - share, freedom)
    # P(|T| > t) is I_x(freedom / 2, 1/2) with x = freedom / (freedom + t^2).
    x = beta_quantile(2 * (1 - share), freedom / 2, 0.5)
    return math.sqrt(freedom * (1 - x) / x) if x > 0 else math.inf


def beta_quantile(share: float, a: float, b: float) -> float:
    """Where the beta distribution has reached this share: as `scipy.stats.beta.ppf`; by halving, to the last bit."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if beta_share(middle, a, b) < share else (low, middle)
    return (low + high) / 2


def beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b).

    By Lentz's continued fraction (W. H. Press et al., Numerical Recipes, 3rd edition, 2007, section 6.4).
    """
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _MOST_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * found / a


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
