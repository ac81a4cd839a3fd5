"""The same question put to classifiers: can they tell real images from generated ones that they did not learn from?

A two-sample test by classification (Lopez-Paz and Oquab, ICLR 2017). It bounds from one side only: an accuracy above
one half shows a difference, one half shows no more than that these classifiers found none.
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
ONE_SIDED = "above one half: they differ; at one half: not shown to be alike"


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
    pixels = images.reshape(len(images), -1) / np.float64(255)
    parting = list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(pixels, generated, numbers))
    learnt = min(len(learning) for learning, _ in parting)
    return [
        ClassifierResult(name, _held_out(model, pixels, generated, parting))
        for name, model in _classifiers(min(_COMPONENTS, learnt - 1, pixels.shape[1]), learnt, seed).items()
    ]


def _classifiers(components: int, images: int, seed: int) -> dict[str, Any]:
    linear = make_pipeline(
        PCA(components, random_state=seed), StandardScaler(), LogisticRegression(max_iter=2000, random_state=seed)
    )
    neighbours = min(_NEIGHBOURS, images - 1)
    return {
        f"logistic regression on {components} principal components": linear,
        f"{neighbours} nearest neighbours": KNeighborsClassifier(neighbours),
    }


def _held_out(
    model: Any,  # noqa: ANN401 - scikit-learn has no type for a classifier
    pixels: NDArray[np.float64],
    generated: NDArray[np.bool_],
    parting: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> Share:
    said = cross_val_predict(model, pixels, generated, cv=parting)
    return Share.of(int((said == generated).sum()), len(generated))
