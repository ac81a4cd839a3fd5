"""What every method must keep, whoever wrote it: the same checks under ``bench check METHOD`` and in the test suite.

``material.py`` draws the images, ``study.py`` fits a method on them with the smallest budget its parameters allow,
``checks.py`` holds one function for each promise of ``bench/contracts.py``.
"""

from bench.conformance.checks import CHECKS, Finding, examine, perform
from bench.conformance.study import Study

__all__ = ["CHECKS", "Finding", "Study", "examine", "perform"]
