"""WinClip in anomalib (Jeong, Zou, Kim, Zhang, Ravichandran & Dabeer, CVPR 2023).

Windows of an image compared with texts by CLIP.
"""

from __future__ import annotations

from pydantic import Field

from ._adapter import AnomalibParams, ZeroShotDetector


class Params(AnomalibParams):
    """As in anomalib."""

    class_name: str = Field("object", description="what the images show, in a word")


class Detector(ZeroShotDetector[Params]):
    """WinClip."""

    summary = "WinClip: windows of an image compared with texts by CLIP (Jeong et al. 2023)"
    needs = "CLIP weights (ViT-B-16-plus-240) through open_clip (extra anomalib[clip])"
    model_class = "WinClip"
    note = "zero-shot: nothing is learnt from the normal images"
