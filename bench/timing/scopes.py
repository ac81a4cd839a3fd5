"""The three scopes of scoring that are timed apart."""

NETWORK, ANSWER, FROM_FILE = "network", "answer", "from_file"
SCOPES = {
    NETWORK: "networks alone",
    ANSWER: "networks, map and score",
    FROM_FILE: "from the file to the map at native size",
}
