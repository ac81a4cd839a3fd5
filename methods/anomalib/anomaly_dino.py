"""AnomalyDINO in anomalib (Damm, Laszkiewicz, Lederer & Fischer, WACV 2025).

Nearest DINOv2 patches among those of normal images.
"""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibDetector, BackboneParams, BankParams


class Params(BankParams, BackboneParams):
    """As in anomalib."""

    num_neighbours: int = Field(1, ge=1, description="nearest patches whose distances are averaged")
    encoder_name: str = Field("vit_small_patch14_dinov2", description="name of the encoder")
    masking: bool = Field(False, description="leave out the background, found by the first principal component")
    coreset_subsampling: bool = Field(False, description="thin the bank out")
    sampling_ratio: float = Field(0.1, gt=0, le=1, description="share of patches kept when thinned out")


class Detector(AnomalibDetector[Params]):
    """AnomalyDINO."""

    summary = "AnomalyDINO: nearest DINOv2 patches among those of normal images (Damm et al. 2025)"
    needs = "DINOv2 weights (vit_small_patch14_dinov2) from Hugging Face"
    model_class = "AnomalyDINO"
