"""DRAEM in anomalib (Zavrtanik, Kristan & Skočaj, ICCV 2021): made-up anomalies removed, then told from the image.

Textures for made-up anomalies come from the Describable Textures Dataset (DTD); without its folder, from noise, which
is not what the paper does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from bench.contracts import ImageShape
from bench.errors import ConfigError

from ._adapter import AnomalibDetector, TrainedParams


class Params(TrainedParams):
    """As in anomalib."""

    dtd: str = Field("", description="folder of the Describable Textures Dataset; empty: noise in place of textures")
    enable_sspcab: bool = Field(False, description="a self-supervised block in the reconstruction")


class Detector(AnomalibDetector[Params]):
    """DRAEM."""

    summary = "Draem: made-up anomalies removed, then told from the image (Zavrtanik et al. 2021)"
    model_class = "Draem"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"image_size": 32, "batch_size": 8, "training_steps": 20}
    }

    def arguments(self) -> dict[str, Any]:
        return {"enable_sspcab": self.params.enable_sspcab, "dtd_dir": self._textures}

    def facts(self) -> dict[str, Any]:
        return {
            **super().facts(),
            **({} if self.params.dtd else {"textures": "noise: the folder of DTD was not given"}),
        }

    def _make(self, images: ImageShape, from_cache: bool) -> Any:  # noqa: ANN401 - anomalib is imported late
        if self.params.dtd and not Path(self.params.dtd).is_dir():
            raise ConfigError(f"--set dtd={self.params.dtd}: expected the folder of DTD, found none.")
        with tempfile.TemporaryDirectory() as empty:  # without a folder anomalib would download, with an empty one not
            self._textures = self.params.dtd or empty
            return super()._make(images, from_cache)
