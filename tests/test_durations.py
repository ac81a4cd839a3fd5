"""Spans of time as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.durations import clock, seconds, shown
from bench.errors import ConfigError


@given(st.integers(0, 9), st.integers(0, 99), st.integers(0, 99), st.integers(1, 99))
def test_every_unit_counts(d, h, m, s):
    assert seconds(f"{d}d{h}h{m}m{s}s", "--timeout") == ((d * 24 + h) * 60 + m) * 60 + s


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("2h", 7200), ("1h30m", 5400), (" 0.5s ", 0.5), ("2d", 172800)]
)
def test_units_may_be_left_out(text, expected):
    assert seconds(text, "--timeout") == expected


@pytest.mark.parametrize("text", ["", "90", "0s", "-3s", "1m1h", "2 hours", "1h 30m", "s", "nan"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ConfigError, match=r"after --timeout, such as 90s, 45m, 2h or 1h30m; found"):
        seconds(text, "--timeout")


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (60, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (7500, "2 h 05 min"),
        (100000, "1 d 3 h"),
    ],
)
def test_shown_for_people(span, text):
    assert shown(span) == text


@pytest.mark.parametrize(("span", "text"), [(7.6, "0:08"), (200, "3:20"), (7500, "2:05:00"), (100000, "27:46:40")])
def test_a_clock_for_little_room(span, text):
    assert clock(span) == text
