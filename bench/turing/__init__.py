"""The visual Turing test: can people, or a classifier, tell generated images from real ones?

material.py      images of both kinds, drawn from a run and brought to bytes by one path      (torch)
quiz.py          shuffled, named at random, encoded alike, the answers sealed
seal.py          what keeps the answers from a glance at the page's source
page.py          the quiz as one HTML file that needs no network
verdicts.py      files that raters saved, read back and checked
scoring.py       accuracy of each rater and of all, and how far they agree
classifier.py    the same question put to simple classifiers
"""
