"""One run, start to finish: seed, fit, score, measure, record."""
