"""The trivial baseline: its four numbers by hand, and the direction of each."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
from bench.plugins.methods.intensity import STATISTICS, statistics


@pytest.mark.parametrize("channels", [1, 3])
def test_statistics_in_numpy(channels):
    rng = np.random.default_rng(0)
    greys = rng.integers(0, 256, size=(3, channels, 8, 8), dtype=np.uint8)
    found = statistics(torch.from_numpy(greys).float() / 127.5 - 1)
    for image, row in zip(greys, found, strict=True):
        x = image / 127.5 - 1
        edges = np.square(np.diff(x, axis=2)).mean() + np.square(np.diff(x, axis=1)).mean()
        rows = np.concatenate([image[:, :1], np.diff(image, axis=1)], axis=1)  # uint8 wraps around, as PNG's filter
        np.testing.assert_allclose(row, [x.mean(), x.std(), edges, len(zlib.compress(rows.tobytes(), 6))], rtol=1e-5)


def test_noise_is_more_complex_than_a_ramp():
    ramp = torch.linspace(-1, 1, 64).expand(1, 1, 64, 64)
    noise = torch.rand(1, 1, 64, 64) * 2 - 1
    simple, complex_ = (dict(zip(STATISTICS, statistics(x)[0], strict=True)) for x in (ramp, noise))
    assert complex_["compressed_size"] > 20 * simple["compressed_size"]
    assert complex_["edge_energy"] > simple["edge_energy"]
