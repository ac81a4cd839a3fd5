"""The quiz as one HTML file that asks nothing of any network."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path

from bench.turing.quiz import Quiz
from bench.turing.seal import ROUNDS

_PARTS = Path(__file__).parent / "page_parts"
_SCRIPTS = ("seal.js", "figures.js", "quiz.js")


def page(quiz: Quiz) -> str:
    """HTML with everything inside: images, style and script. Its own policy forbids the browser any request."""
    style, script = _part("quiz.css"), "\n".join(map(_part, _SCRIPTS))
    fields = {
        "policy": escape(
            f"default-src 'none'; img-src data:; style-src {_source(style)}; script-src {_source(script)}", quote=True
        ),
        "title": escape(quiz.title),
        "marks": escape(f" ({', '.join(quiz.marks)})" if quiz.marks else ""),
        "real": escape(quiz.real),
        "n": str(len(quiz.images)),
        "data": _data(quiz),
        "style": style,
        "script": script,
    }
    # All at once: what stands in a field is never taken for another field.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: fields[found[1]], _part("quiz.html"))


def _data(quiz: Quiz) -> str:
    content = {
        "id": quiz.id,
        "title": quiz.title,
        "sealed": quiz.sealed,
        "rounds": ROUNDS,
        "images": [{"id": image.id, "png": image.data_uri} for image in quiz.images],
    }
    return json.dumps(content).replace("<", "\\u003c")  # no text of ours can close the element


def _source(content: str) -> str:
    """The one inline style or script that the policy lets in."""
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")
