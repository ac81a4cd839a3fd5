"""Dsr in anomalib (Zavrtanik, Kristan & Skočaj, ECCV 2022): anomalies made up in a quantised latent space."""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, TrainedParams


class Params(TrainedParams):
    """As in anomalib."""

    latent_anomaly_strength: float = Field(0.2, ge=0, description="strength of made-up anomalies")
    upsampling_train_ratio: float = Field(0.7, gt=0, lt=1, description="share of training before the upsampler")


class Detector(AnomalibDetector[Params]):
    """Dsr."""

    summary = "Dsr: anomalies made up in a quantised latent space (Zavrtanik et al. 2022)"
    needs = (
        "weights of the quantised autoencoder (vq_model_pretrained_128_4096.pckl) in ~/.cache/anomalib/pre_trained/dsr"
    )
    model_class = "Dsr"
