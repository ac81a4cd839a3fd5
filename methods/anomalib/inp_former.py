"""InpFormer in anomalib (Luo, Cao, Yao, Zhang, Lou, Yu & Zhang, CVPR 2025).

Features rebuilt from the image's own normal prototypes.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ._adapter import AnomalibDetector, BackboneParams, TrainedParams


class Params(TrainedParams, BackboneParams):
    """As in anomalib."""

    smallest_image: ClassVar[int] = 392  # it looks at the central 392 pixels

    encoder_name: str = Field("vit_base_patch14_reg4_dinov2", description="name of the encoder")
    inp_num: int = Field(6, ge=1, description="normal prototypes of an image")


class Detector(AnomalibDetector[Params]):
    """InpFormer."""

    summary = "InpFormer: features rebuilt from the image's own normal prototypes (Luo et al. 2025)"
    needs = "DINOv2 weights (vit_base_patch14_reg4_dinov2) from Hugging Face"
    model_class = "InpFormer"
