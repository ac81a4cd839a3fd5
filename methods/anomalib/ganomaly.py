"""GANomaly in anomalib (Akcay, Atapour-Abarghouei & Breckon, ACCV 2018): encoder, decoder, encoder; latent distance.

anomalib's version is not to be taken for the paper's: its initialisation never reaches the layers, its adversarial loss
compares the discriminator's outputs and not features, and images normalised to ImageNet's statistics are redrawn by a
generator that ends in tanh. anomalib's own README reports a mean AUROC of 0.421 for it on MVTec AD.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ._adapter import AnomalibDetector, TrainedParams


class Params(TrainedParams):
    """As in anomalib."""

    n_features: int = Field(64, ge=1, description="channels of the first convolution")
    latent_vec_size: int = Field(100, ge=1, description="numbers in a latent code")
    wadv: int = Field(1, ge=0, description="weight of the adversarial loss")
    wcon: int = Field(50, ge=0, description="weight of the reconstruction loss")
    wenc: int = Field(1, ge=0, description="weight of the latent loss")
    lr: float = Field(2e-4, gt=0, description="Adam's step size")


class Detector(AnomalibDetector[Params]):
    """GANomaly."""

    summary = "GANomaly (Akcay et al. 2018) as anomalib has it, with known faults; scores images only"
    model_class = "Ganomaly"
    note = (
        "anomalib's GANomaly: initialisation without effect, adversarial loss on outputs in place of features, inputs"
        " normalised to ImageNet against a tanh output; anomalib itself reports AUROC 0.421 on MVTec AD"
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"image_size": 32, "n_features": 16, "training_steps": 500}
    }
    checked_with: ClassVar[Mapping[str, Any]] = {"n_features": 4}

    def arguments(self) -> dict[str, Any]:
        return {**super().arguments(), "batch_size": self.params.batch_size}
