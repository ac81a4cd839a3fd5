"""Timings as files, as tables and beside the runs they belong to."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from made_records import make

from bench.errors import ConfigError, StoreError
from bench.timing.formats import writer
from bench.timing.lookup import boards, timings_for
from bench.timing.record import Spread, Timing, read_timings, write_timing
from bench.timing.sheet import Figure, figure_text, figures_of, heading, notes, quantity

from .timings import SPEC, measured, timing

BETA = replace(SPEC, method="anomalib:beta")


def test_a_timing_comes_back_from_its_file(tmp_path):
    made = timing(measured(0.002), measured(0.004, contended=True))
    file = write_timing(tmp_path, made)
    assert file.relative_to(tmp_path).as_posix() == f"timings/toy/alpha/{made.key}/timing.json"
    assert list(read_timings(tmp_path)) == [made]
    assert list(read_timings(tmp_path, "other")) == []
    assert made.marks() == ["quick", "synthetic", "contended"]


def test_fewer_processes_do_not_replace_more(tmp_path):
    more, fewer = timing(measured(0.002), measured(0.004)), timing(measured(0.001), failed="stopped by the user")
    for each in (more, fewer):
        write_timing(tmp_path, each)
    assert list(read_timings(tmp_path)) == [more]
    write_timing(tmp_path, timing(measured(0.001), measured(0.001)))
    assert next(read_timings(tmp_path)).measured[0] == measured(0.001)


def test_an_edited_file_is_named(tmp_path):
    file = write_timing(tmp_path, timing(measured()))
    file.write_text(file.read_text().replace('"pid"', '"pod"'))
    with pytest.raises(StoreError, match=r"timing\.json cannot be read as a timing"):
        list(read_timings(tmp_path))


def test_spread_is_median_and_range_over_processes():
    made = timing(measured(0.002), measured(0.005), measured(0.003))
    assert made.spread(lambda m: m.latency["answer"].median) == Spread(median=0.003, low=0.002, high=0.005)
    assert made.spread(lambda m: m.joules_per_tile) is None
    assert timing(failed="no weights").spread(lambda m: 1.0) is None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "s", "12.3 ms"), (4.451e-5, "s", "44.5 µs"), (438.2, "s", "438 s"), (12000.0, "s", "12,000 s"),
        (64, "B", "64.0 B"), (5_000_000, "B", "5.00 MB"), (42.1e6, "FLOP", "42.1 MFLOP"), (0.563, "%", "56 %"),
        (252_000, "", "252 k"), (64, "", "64"), (0, "", "0"), (92_850, "tiles/s", "92,850 /s"), (0, "FLOP", "0 FLOP"),
    ],
)  # fmt: skip
def test_quantities_have_three_digits_and_a_prefix(value, unit, text):
    assert quantity(value, unit) == text


def test_a_figure_says_how_far_processes_lie_apart():
    figure = Figure("x", "s", lambda m: None)
    assert figure_text(Spread(median=0.010, low=0.009, high=0.0101), figure) == "10.0 ms ±10 %"
    assert figure_text(Spread(median=0.010, low=0.010, high=0.010), figure) == "10.0 ms"
    assert figure_text(None, figure) == "–"


def test_training_is_steps_times_seconds_and_its_share_of_the_matrix_rate():
    figures = {figure.title: timing(measured()).spread(figure.read) for figure in figures_of([timing(measured())])}
    assert figures["training"].median == 100 * 0.5
    assert figures["training rate"].median == 32 / 0.5
    assert figures["training, of matrix rate"].median == pytest.approx(1e9 / 0.5 / 1e10)
    assert "energy" not in figures


def test_notes_say_what_spoils_a_figure():
    labels = dict(notes([timing(measured(bounded=True, contended=True)), timing(spec=BETA, failed="no weights")]))
    assert {"contended", "bounded", "no result"} <= labels.keys()
    assert labels["no result"] == "anomalib:beta: no weights"
    assert not {"contended", "bounded", "no result"} & dict(notes([timing(measured())])).keys()


def test_boards_never_mix_devices_views_or_presets_and_take_the_newest(tmp_path):
    made = {
        "older": timing(measured(0.5), finished="2026-01-01"),
        "newer": timing(measured(0.1), spec=replace(SPEC, method_code="newer"), finished="2026-01-02"),
        "beside": timing(measured(0.2), spec=BETA),
        "elsewhere": timing(measured(0.3), spec=replace(BETA, view="resize:64"), device="another processor"),
    }
    for key, each in made.items():
        write_timing(tmp_path, each.model_copy(update={"key": key}))
    groups = sorted([each.key for each in group] for group in boards(tmp_path, None))
    assert groups == [["elsewhere"], ["newer", "beside"]]  # the faster first
    assert len(boards(tmp_path, None, "quick")) == 2
    with pytest.raises(ConfigError, match="No timing of other"):
        boards(tmp_path, "other")
    with pytest.raises(ConfigError, match="No timing of toy under preset paper"):
        boards(tmp_path, "toy", "paper")


FORMATS = ["terminal", "markdown", "latex", "csv", "json", "html"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_every_method_and_its_marks(name):
    text = writer(name)([[timing(measured()), timing(spec=BETA, failed="100 % of _weights_ are <missing>")]])
    assert "alpha" in text
    assert "beta" in text
    assert "quick" in text
    assert "synthetic" in text
    if name == "csv":
        (alpha, beta) = csv.DictReader(io.StringIO(text))
        assert float(alpha["score, p50 [s]"]) == 0.002
        assert beta["score, p50 [s]"] == ""
    if name == "json":
        assert [Timing.model_validate(each).spec.method for each in json.loads(text)] == ["alpha", "anomalib:beta"]
    if name == "latex":
        assert r"100 \% of \_weights\_" in text
        assert text.count(r"\\") == 1 + len(figures_of([timing(measured())]))
    if name == "html":
        assert "100 % of _weights_ are &lt;missing&gt;" in text
    if name == "terminal":
        assert "\x1b" not in text


def test_two_settings_of_a_method_are_two_rows_and_named(tmp_path):
    for number, width in enumerate((8, 16, 8)):
        spec = replace(SPEC, params={"width": width, "steps": 3})
        made = timing(measured(0.001 * (number + 1)), spec=spec, finished=f"2026-01-0{number + 1}")
        write_timing(tmp_path, made.model_copy(update={"key": f"key{number}"}))
    (board,) = boards(tmp_path)
    assert [each.key for each in board] == ["key1", "key2"]  # key0 was repeated since
    rows = list(csv.DictReader(io.StringIO(writer("csv")([board]))))
    assert [row["method"] for row in rows] == ["alpha (width 16)", "alpha (width 8)"]
    assert "alpha (width 8)" in writer("terminal")([board])


def two_boards():
    elsewhere = timing(measured(0.3), spec=replace(BETA, view="resize:64"), device="another processor")
    return [[timing(measured()), timing(spec=BETA, failed="no weights")], [elsewhere]]


def test_two_boards_are_one_csv_file_with_one_header():
    first, *others = two_boards()
    others[0][0] = others[0][0].model_copy(update={"batches": [1, 16, 0]})  # other columns than the first
    rows = list(csv.DictReader(io.StringIO(writer("csv")([first, *others]))))
    assert [(row["device"], row["method"]) for row in rows] == [
        ("a processor", "alpha"), ("a processor", "anomalib:beta"), ("another processor", "anomalib:beta")
    ]  # fmt: skip
    assert [float(row["score, p50 [s]"] or 0) for row in rows] == [0.002, 0, 0.3]


def test_two_boards_are_one_json_document_and_one_page():
    assert [each["device_name"] for each in json.loads(writer("json")(two_boards()))] == [
        "a processor", "a processor", "another processor"
    ]  # fmt: skip
    page = writer("html")(two_boards())
    assert (page.count("<!doctype html>"), page.count("<table>"), page.count("</html>")) == (1, 2, 1)
    assert writer("latex")(two_boards()).count("Needs") == 1


def test_a_heading_says_what_a_table_is_of():
    assert heading([timing(measured())]) == "toy, resize:32, cpu (quick, synthetic)"
    assert heading([timing(measured(), spec=replace(SPEC, preset="paper"))]) == "toy, resize:32, cpu (paper, synthetic)"


def test_an_unknown_format_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean markdown"):
        writer("markdwon")


def test_a_run_finds_its_timing_by_what_it_did(store):
    record = make(store, "alpha", preset="quick", view="resize:32", params={"n": 1})
    other = make(store, "anomalib:beta", preset="quick", view="resize:32")
    runs = {"alpha": record, "anomalib:beta": other}
    right = timing(measured(0.1), spec=replace(SPEC, params={"n": 1}))
    write_timing(store.root, right)
    write_timing(store.root, timing(measured(0.2), spec=replace(SPEC, params={"n": 2}), device="b"))
    assert timings_for({"alpha": record}) == {"alpha": right}
    assert timings_for(runs) is None  # not all of them were timed
    write_timing(store.root, timing(measured(0.3), spec=BETA, device="b"))
    assert timings_for(runs) is None  # not on one device
    both = timing(measured(0.4), spec=BETA)
    write_timing(store.root, both)
    assert timings_for(runs) == {"alpha": right, "anomalib:beta": both}


def test_two_configurations_of_a_method_find_their_own_timings(store):
    names = {f"alpha (n {n})": make(store, "alpha", preset="quick", view="resize:32", params={"n": n}) for n in (1, 2)}
    alike = [timing(measured(n / 10), spec=replace(SPEC, params={"n": n})) for n in (1, 2)]
    found = [each.model_copy(update={"key": f"key-{n}"}) for n, each in enumerate(alike)]
    for each in found:
        write_timing(store.root, each)
    assert timings_for(names) == dict(zip(names, found, strict=True))
