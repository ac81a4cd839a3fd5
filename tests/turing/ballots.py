"""Files as raters save them, made by hand."""

from __future__ import annotations

import json

from bench.turing.seal import seal

TRUTH = [True, False, True, False, False, True, True, False]  # true: generated
QUIZ = "0123456789abcdef"


def ballot(said, rater="Ada", quiz=QUIZ, truth=TRUTH, confidence=2, seconds=1.5, **changes):
    """``said``: 'g' and 'r' for the first images of the quiz."""
    words = {"g": "generated", "r": "real"}
    verdicts = [
        {"image": f"image{i}", "verdict": words[letter], "confidence": confidence, "seconds": seconds}
        for i, letter in enumerate(said)
    ]
    content = {
        "format": "bench turing verdicts 1", "quiz": quiz, "title": "toy", "rater": rater,
        "images": [f"image{i}" for i in range(len(truth))], "sealed": seal(truth, quiz), "verdicts": verdicts,
    }  # fmt: skip
    return content | changes


def write(folder, *contents):
    files = []
    for i, content in enumerate(contents):
        file = folder / f"turing-{i}.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        files.append(file)
    return files
