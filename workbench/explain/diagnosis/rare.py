"""Rare slow samples: a few of many take several times as long as the median one."""

from __future__ import annotations

import pandas as pd

from workbench.explain.diagnosis.cause import Thresholds


def beyond_the_median(samples: pd.DataFrame, limits: Thresholds) -> pd.Series[float] | None:
    """What each sample takes beyond the median, in seconds, where it is a rare slow one; None: there are none, or many.

    Args:
        samples: See `sample_times`.
        limits: From where on a sample is slow, and how many are rare.
    """
    walls = samples["wall_s"]
    if walls.empty:
        return None
    median = float(walls.median())
    is_slow = walls > limits.rare_sample * median
    if not is_slow.any() or is_slow.sum() > limits.rare_samples * len(walls):
        return None
    return (walls - median).where(is_slow, 0.0)


def rare_by_batch(samples: pd.DataFrame, limits: Thresholds) -> dict[int, float]:
    """By batch, the share of its making that rare slow samples take beyond the median; empty where there are none."""
    beyond = beyond_the_median(samples, limits)
    if beyond is None:
        return {}
    of = (beyond.groupby(samples["batch"]).sum() / samples.groupby("batch")["wall_s"].sum()).items()
    return {int(batch): float(share) for batch, share in of}  # type: ignore[call-overload]
