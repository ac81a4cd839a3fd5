"""AnomalyVFM in anomalib (Fučka, Zavrtanik & Skočaj 2026).

A vision foundation model tuned to find anomalies without having seen the object.
"""

from __future__ import annotations

from ._adapter import AnomalibParams, ZeroShotDetector


class Params(AnomalibParams):
    """As in anomalib."""


class Detector(ZeroShotDetector[Params]):
    """AnomalyVFM."""

    summary = "AnomalyVFM: a foundation model tuned to find anomalies of unseen objects (Fučka et al. 2026)"
    needs = "AnomalyVFM weights from Hugging Face (extra anomalib[huggingface])"
    model_class = "AnomalyVFM"
    note = "zero-shot: nothing is learnt from the normal images"
