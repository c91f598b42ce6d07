"""Statistics of runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

RESAMPLES = 10_000
SEED = 20261121


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of runs between their extremes."""

    middle: float
    least: float
    most: float

    def text(self, unit: str = "", digits: int = 2) -> str:
        """Return "median (least to most)"."""
        if self.least == self.most:
            return f"{self.middle:.{digits}f}{unit}"
        return f"{self.middle:.{digits}f}{unit} ({self.least:.{digits}f} to {self.most:.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Sum up runs."""
    return Spread(median(values), min(values), max(values))


def ratios(baseline: Sequence[float], ours: Sequence[float]) -> Spread:
    """Return how many times faster we were, run by run: the two of a run stood side by side."""
    return spread([theirs / mine for theirs, mine in zip(baseline, ours, strict=True)])


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def jain(shares: Sequence[float]) -> float:
    """Return Jain's fairness index (Jain, Chiu and Hawe, 1984): 1 is equal shares, 1/n is one taking all."""
    total, squares = sum(shares), sum(value * value for value in shares)
    return total * total / (len(shares) * squares) if squares else 1.0


def paired_bound(ours: Sequence[int], baseline: Sequence[int], words: Sequence[int]) -> tuple[float, float]:
    """Return the pooled difference in error rate (ours less the baseline's) and its one-sided 95 % upper bound.

    Recordings are resampled together with both sides' errors (Efron's percentile bootstrap, as Bisani and Ney, 2004,
    use it for word errors).
    """
    mine, theirs, length = (np.asarray(values, dtype=np.float64) for values in (ours, baseline, words))
    if not length.sum():
        return 0.0, 0.0
    picks = np.random.default_rng(SEED).integers(0, len(length), (RESAMPLES, len(length)))
    totals = np.maximum(length[picks].sum(axis=1), 1.0)
    differences = (mine[picks] - theirs[picks]).sum(axis=1) / totals
    return float((mine - theirs).sum() / length.sum()), float(np.quantile(differences, 0.95))
