"""DeLong's covariance by brute force, and data of the paper it comes from."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def two_scorings(draw):
    normals, anomalies = draw(st.integers(2, 15)), draw(st.integers(2, 15))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    labels = rng.permutation(np.repeat([0, 1], [normals, anomalies]))
    levels = draw(st.sampled_from([2, 5, 1000]))
    return labels, rng.integers(levels, size=(2, len(labels))).astype(float)


def brute_force_covariance(labels, scores_matrix):
    """DeLong et al. 1988, equations as printed: every pair of images compared."""
    kernels = []
    for scores in scores_matrix:
        x, y = scores[labels == 1][:, None], scores[labels == 0][None]
        kernels.append((x > y) + 0.5 * (x == y))
    by_anomalous = np.cov([kernel.mean(axis=1) for kernel in kernels], ddof=1)
    by_normal = np.cov([kernel.mean(axis=0) for kernel in kernels], ddof=1)
    return by_anomalous / (labels == 1).sum() + by_normal / (labels == 0).sum()


OVARIAN_CANCER = {
    "albumin": """
        3.0 3.2 3.9 2.8 3.2 0.9 2.5 1.6 3.8 3.7 3.2 3.8 4.1 3.6 4.3 3.6 2.3 4.2 4.0 3.5 3.8 3.0
        4.5 3.7 3.1 4.1 4.3 4.3 3.2 2.6 3.3 1.7 3.7 3.3 4.2 3.5 2.9 2.1 2.8 4.0 3.3 3.7 3.6
    """,
    "k-g": """
        10 5 3 6 3 5 8 5 5 6 4 6 5 5 4 4 6 4 6 6 7 8 5 5 6 6 5 4 5 6 6 7 5 7 6 5 9 7 8 7 6 5 5
    """,
    "protein": """
        5.8 6.3 6.8 4.8 5.8 4.0 5.7 5.6 5.7 6.7 5.4 6.6 6.6 5.7 7.0 6.7 4.4 7.6 6.6 5.8 6.8 4.7
        7.4 7.4 6.6 8.2 7.0 6.5 5.1 4.7 6.8 4.0 6.1 6.3 7.7 6.2 5.7 4.8 6.2 7.0 5.7 6.9 6.6
    """,
    "benefits": """
        0 1 1 0 1 0 0 1 1 1 1 1 1 1 1 0 1 0 0 1 1 0 1 1 1 1 1 1 1 1 0 0 1 1 1 1 0 1 0 1 1 1 1
    """,
}
"""Data of DeLong et al. 1988: three tests of 43 patients, and who benefits from surgery."""
