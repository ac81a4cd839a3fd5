"""Samples whose true AUROC is known, to ask how often an interval holds it."""

import math

import numpy as np
from scipy.special import ndtri


def distance(true_auroc):
    """By how much the mean of anomalous scores lies above that of normal ones, in standard deviations."""
    return math.sqrt(2) * ndtri(true_auroc)


def normal_sample(rng, normals, anomalies, true_auroc, scale=1.0):
    """Scores of two normal distributions whose true AUROC is known."""
    labels = np.repeat([0, 1], [normals, anomalies])
    return labels, rng.normal(size=len(labels)) * scale + labels * distance(true_auroc)


def patients(rng, normals, anomalies, slices, icc, true_auroc):
    """Labels, scores and groups of patients whose slices share a part ``icc`` of the variance."""
    labels = np.repeat(np.repeat([0, 1], [normals, anomalies]), slices)
    groups = np.repeat(np.arange(normals + anomalies), slices)
    shared = rng.normal(size=normals + anomalies)[groups] * math.sqrt(icc)
    scores = shared + rng.normal(size=len(labels)) * math.sqrt(1 - icc) + labels * distance(true_auroc)
    return labels, scores, [f"patient {group}" for group in groups]


def trainings(rng, labels, of_images, seeds, true_auroc, spread):
    """Scores ``(seeds, N)``: half of their variance ``of_images``, the rest of a training; means move by ``spread``."""
    own = rng.normal(size=(seeds, len(labels))) * math.sqrt(0.5)
    moved = distance(true_auroc) + spread * rng.normal(size=(seeds, 1))
    return of_images * math.sqrt(0.5) + own + moved * labels


def covers(interval, truth):
    return interval.degenerate is None and interval.low <= truth <= interval.high
