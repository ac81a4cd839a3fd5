"""The three scopes of scoring that are timed apart."""

NETWORK = "network"
"""One pass of the networks alone."""
ANSWER = "answer"
"""Networks, map and score: ``Detector.score``."""
FROM_FILE = "from_file"
"""From the file to the map at native size."""
SCOPES = (NETWORK, ANSWER, FROM_FILE)
