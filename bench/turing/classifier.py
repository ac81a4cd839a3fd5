"""The same question put to classifiers: can they tell real images from generated ones that they did not learn from?

A two-sample test by classification (Lopez-Paz and Oquab, ICLR 2017). It bounds from one side only: an accuracy above
one half shows a difference, one half shows no more than that these classifiers found none. Generators are known to miss
the spectrum of real images (Durall, Keuper and Keuper, CVPR 2020), which principal components hardly see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.turing.scoring import Share

FOLDS = 5
_COMPONENTS = 20
_NEIGHBOURS = 5


@dataclass(frozen=True)
class ClassifierResult:
    """Held-out accuracy of one classifier. The p-value takes the images as independent."""

    name: str
    accuracy: Share


def classify(
    images: NDArray[np.uint8], generated: NDArray[np.bool_], groups: Sequence[str], seed: int
) -> list[ClassifierResult]:
    """Cross-validated accuracy on ``(n, S, S, C)`` images, no group on both sides; empty with too few groups."""
    numbers = np.unique(np.asarray(groups), return_inverse=True)[1]
    folds = min(FOLDS, *(len(np.unique(numbers[generated == kind])) for kind in (False, True)))
    if folds < 2:
        return []
    looks = _looks(images)
    parting = list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(generated, generated, numbers))
    learnt = min(len(learning) for learning, _ in parting)
    components = min(_COMPONENTS, learnt - 1, looks["pixels"].shape[1])
    return [
        ClassifierResult(name, _held_out(model, looks[look], generated, parting))
        for name, look, model in _classifiers(components, min(_NEIGHBOURS, learnt - 1), seed)
    ]


def _looks(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """What classifiers are given of ``(n, S, S, C)`` images: ``pixels`` and ``spectrum``, ``(n, features)`` each."""
    return {"pixels": images.reshape(len(images), -1) / np.float64(255), "spectrum": _spectrum(images)}


def _spectrum(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Logarithm of the mean power at each distance from frequency zero, ``(n, S / 2)``: how fine the texture is."""
    grey = images.mean(axis=3)
    power = np.abs(np.fft.fft2(grey - grey.mean(axis=(1, 2), keepdims=True))) ** 2
    frequency = np.fft.fftfreq(grey.shape[1], 1 / grey.shape[1])
    radius = np.hypot(frequency[:, None], frequency).round()
    rings = [power[:, radius == r].mean(axis=1) for r in range(1, grey.shape[1] // 2 + 1)]
    return np.asarray(np.log(np.stack(rings, axis=1) + 1))  # 1: flat images have none


def _classifiers(components: int, neighbours: int, seed: int) -> list[tuple[str, str, Any]]:
    """Name, what it is given, and the classifier."""
    logistic = LogisticRegression(max_iter=2000, random_state=seed)
    linear = make_pipeline(PCA(components, random_state=seed), StandardScaler(), logistic)
    return [
        (f"logistic regression on {components} principal components", "pixels", linear),
        (f"{neighbours} nearest neighbours", "pixels", KNeighborsClassifier(neighbours)),
        ("logistic regression on the power spectrum", "spectrum", make_pipeline(StandardScaler(), logistic)),
    ]


def _held_out(
    model: Any,  # noqa: ANN401 - scikit-learn has no type for a classifier
    features: NDArray[np.float64],
    generated: NDArray[np.bool_],
    parting: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> Share:
    said = cross_val_predict(model, features, generated, cv=parting)
    return Share.of(int((said == generated).sum()), len(generated))
