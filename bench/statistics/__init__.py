"""How far a figure may be trusted, and a difference of two: intervals and tests of image-level metrics.

Two ways. DeLong's variance is exact bookkeeping of an AUROC over independent images. Where several images come from
one patient, volume or part they are not independent, and only whole groups may be resampled: intervals over images
that are labelled 95 % then cover far less (``tests/statistics/test_intervals.py`` measures it).

Arrays in, figures out: nothing here knows of records. ``bench.statistics.ranks`` is not imported with the rest, as it
alone needs all of ``scipy.stats``.
"""

from bench.statistics.bootstrap import grouped_bootstrap_interval, mean_auroc_interval
from bench.statistics.delong import delong_covariance, delong_variance, influences, logit_delong_interval
from bench.statistics.families import holm
from bench.statistics.intervals import auroc_interval
from bench.statistics.paired import Difference, by_student, compare_pair, paired_delong, paired_grouped_bootstrap
from bench.statistics.seed_variance import SeedVariance, freedom_of_mean, student
from bench.statistics.seeds import nested_auroc_interval
from bench.statistics.shared_images import correlations, covariance_over_images

__all__ = [
    "Difference",
    "SeedVariance",
    "auroc_interval",
    "by_student",
    "compare_pair",
    "correlations",
    "covariance_over_images",
    "delong_covariance",
    "delong_variance",
    "freedom_of_mean",
    "grouped_bootstrap_interval",
    "holm",
    "influences",
    "logit_delong_interval",
    "mean_auroc_interval",
    "nested_auroc_interval",
    "paired_delong",
    "paired_grouped_bootstrap",
    "student",
]
