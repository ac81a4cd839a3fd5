"""What every method must keep, whoever wrote it: the same checks under ``bench check METHOD`` and in the test suite.

``material.py`` draws the images, ``study.py`` fits a method on them with the smallest budget its parameters allow;
``declared.py``, ``answers.py``, ``repeats.py`` and ``manners.py`` hold a function for each promise of
``bench/contracts.py``; ``findings.py`` performs them.
"""

from bench.conformance import declared, answers, repeats, manners  # noqa: F401, I001 - they register, in reading order
from bench.conformance.findings import CHECKS, Finding, examine, perform
from bench.conformance.study import Study

__all__ = ["CHECKS", "Finding", "Study", "examine", "perform"]
