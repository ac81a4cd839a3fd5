"""From a fitted detector to scores, maps and figures."""
