"""intensity: how far brightness, contrast, edges and complexity of an image lie from normal. The line to beat.

Nothing is learnt but the mean and the spread of four numbers over the normal images: mean grey value, standard
deviation, edge energy, and the size that the image is compressed to. The score is the largest of the four distances,
in standard deviations. The map is how far a pixel's grey value lies from the mean of all normal pixels. Residual scores
and maps often track these rather than anomalies, so every ranking shows this row as a line that a method has to beat.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import torch
from torch import Tensor

from bench import contracts
from bench.contracts import Context, Images, ImageShape, Scores

STATISTICS = ("mean", "deviation", "edge_energy", "compressed_size")


class Params(contracts.Params):
    """Nothing to choose."""


class Detector(contracts.Detector[Params]):
    """The trivial baseline."""

    summary = "trivial baseline: mean, deviation, edge energy and compressed size of the image"
    trivial = True
    deterministic = True

    def fit(self, train: Images, val: Images, *, context: Context) -> None:
        values = torch.cat([statistics(batch) for batch in train.batches(1024)])  # (N, 4)
        self.centre = values.mean(dim=0)
        self.spread = values.std(dim=0, correction=0).clamp_min(1e-12)

    @torch.inference_mode()
    def score(self, images: Tensor) -> Scores:
        distance = ((statistics(images) - self.centre) / self.spread).abs()  # (N, 4)
        parts = dict(zip(STATISTICS, distance.unbind(dim=1), strict=True))
        unlike_normal = (images.mean(dim=1) - self.centre[0].to(images)).abs()  # (N, S, S)
        return Scores(image=distance.amax(dim=1), map=unlike_normal, parts=parts)

    def weights(self) -> dict[str, Tensor]:
        return {"centre": self.centre, "spread": self.spread}

    def restore(self, weights: Mapping[str, Tensor], images: ImageShape, device: torch.device) -> None:
        self.centre, self.spread = weights["centre"], weights["spread"]


def statistics(images: Tensor) -> Tensor:
    """``(N, C, S, S) -> (N, 4)``, in float64 on the CPU, in the order of ``STATISTICS``."""
    images = images.cpu()
    across = (images[..., :, 1:] - images[..., :, :-1]).square().mean(dim=(1, 2, 3))
    down = (images[..., 1:, :] - images[..., :-1, :]).square().mean(dim=(1, 2, 3))
    flat = images.flatten(1)
    columns = [flat.mean(dim=1), flat.std(dim=1, correction=0), across + down, compressed_size(images)]
    return torch.stack([column.double() for column in columns], dim=1)


def compressed_size(images: Tensor) -> Tensor:
    """Bytes that deflate leaves of each image in 8 bits, ``(N,)``, after PNG's filter "up": a measure of complexity."""
    greys = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    rows = torch.diff(greys, dim=2, prepend=torch.zeros_like(greys[:, :, :1])).contiguous().numpy()
    return torch.tensor([len(zlib.compress(image.tobytes(), level=6)) for image in rows])
