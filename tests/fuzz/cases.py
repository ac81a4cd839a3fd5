"""Files as nobody would write them: arbitrary bytes, good files with a few bytes changed, JSON of any shape."""

from __future__ import annotations

import copy
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import BenchError

NASTY = [
    "", ".", "..", "../x", "/etc/x", "a/b", "a\\b", "\0", "x" * 300, "\ud800", "[/red]", "<b>", "1e999", "NaN", "–",
]  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(NASTY),
    st.sampled_from([2**64, -1, 10**30]),
)  # fmt: skip
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
"""Anything that JSON or YAML can say."""


def for_all(strategy, examples, check):
    """Call ``check`` with so many cases, the same ones every time."""
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    limits = settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=quiet
    )
    limits(given(strategy)(check))()


def ours_or_good(read, good=lambda value: None):
    """A value that ``good`` can use, or an error of ours that says something."""
    try:
        value = read()
    except BenchError as error:
        assert len(str(error)) > 20
        return
    good(value)


def spoilt(valid, least=0):
    """Arbitrary bytes, or the bytes of a good file changed here and there, from ``least`` on."""
    return st.one_of(st.binary(max_size=200), _changed(valid, least))


@st.composite
def _changed(draw, valid, least):
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(least, max(least, len(data))))
        end = start + draw(st.sampled_from([0, 1, 1, 2, 8, 64, len(data)]))
        data[start:end] = draw(st.binary(max_size=8))
    return bytes(data)


@st.composite
def reshaped(draw, valid):
    """A structure of dictionaries, lists and leaves with one to three of its nodes replaced, removed or added to."""
    content = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, 3))):
        content = _reshape(draw, content)
    return content


def _reshape(draw, content):
    places = list(_places(content))
    if not places:
        return draw(JSON)
    holder, key = draw(st.sampled_from(places))
    change = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
    if change == "replace":
        holder[key] = draw(JSON)
    elif change == "remove":
        del holder[key]
    elif isinstance(holder, dict):
        holder[draw(st.text(max_size=6) | st.sampled_from(NASTY))] = draw(JSON)
    else:
        holder.insert(key, draw(JSON))
    return content


def _places(node):
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield node, key
        yield from _places(value)


def as_json(content):
    """Bytes of it, as a careless program would write them: lone surrogates, NaN and all."""
    return json.dumps(content).encode("utf-8", "surrogatepass")
