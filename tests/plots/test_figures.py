"""Every figure: its numbers are the records', its file is what a journal takes, and the same each time."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zlib
from statistics import fmean

import numpy as np
import pandas as pd
import pytest
from fabricated import write_run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy.stats import rankdata

from bench.errors import ConfigError
from bench.plots import latent, pr, ranks, roc, scores, timing, training
from bench.plots.lettering import shortened, text_mm
from bench.plots.output import save
from bench.plots.request import Wanted
from bench.plots.selection import select, select_each
from bench.plots.style import COLOURS, LINES, TRIVIAL_GREY, WIDTHS, looks
from bench.records.store import RecordStore

COLUMN = WIDTHS["column"]
LOG = [{"stage": "GAN", "step": k, "seconds": k, "loss": 1 / (k + 1)} for k in range(5)]
ODD = "<b>&$x_1$"
"""A name that XML, TeX and matplotlib would each like to read in their own way."""


@pytest.fixture(scope="module")
def selection(tmp_path_factory):
    store = RecordStore(tmp_path_factory.mktemp("results"))
    rng = np.random.default_rng(0)
    for seed in (0, 1, 2):
        write_run(store, "alpha", seed=seed, codes=rng.normal(size=(60, 4)).astype(np.float32), training=LOG)
    write_run(store, ODD, strength=0.5, ties=True, seconds=0.1)
    write_run(store, "intensity", strength=0.2, trivial=True, seconds=7.0)
    return select(store, Wanted())


DRAW = {
    "roc": roc.draw, "pr": pr.draw, "scores": scores.draw, "timing": timing.draw, "training": training.draw,
    "latent": latent.draw,
}  # fmt: skip


def table(files):
    return pd.read_csv(files[1])


@pytest.mark.parametrize(("draw", "x", "y", "figure"), [
    (roc.draw, "fpr", "tpr", "auroc"), (pr.draw, "recall", "precision", "average_precision"),
])  # fmt: skip
def test_the_area_under_the_csv_is_the_record_s_figure(selection, tmp_path, draw, x, y, figure):
    rows = table(save(draw(COLUMN, selection), tmp_path / "curve.svg", COLUMN))
    for name, runs in selection.runs.items():
        of_method = rows[rows["method"] == name]
        expected = {f"seed {run.record.spec.seed}": getattr(run.metrics.score, figure) for run in runs}
        if len(runs) > 1:
            expected["mean"] = np.mean(list(expected.values()))
        for curve, area in expected.items():
            points = of_method[of_method["curve"] == curve]
            assert np.trapezoid(points[y], points[x]) == pytest.approx(area, abs=1e-12)


def test_the_legend_states_what_the_records_state(selection, tmp_path):
    svg = save(roc.draw(COLUMN, selection), tmp_path / "roc.svg", COLUMN)[0].read_text()
    texts = ["".join(element.itertext()).strip() for element in ET.fromstring(svg).iter() if "text" in element.tag]
    alpha = [run.metrics.score.auroc for run in selection.runs["alpha"]]
    assert f"alpha  {np.mean(alpha):.3f} ({min(alpha):.3f}–{max(alpha):.3f}, 3 seeds)" in texts
    score = selection.runs["intensity"][0].metrics.score
    low, high = score.auroc_interval.low, score.auroc_interval.high
    assert f"intensity (baseline)  {score.auroc:.3f} [{low:.3f}, {high:.3f}]" in texts
    assert any(text.startswith(ODD) for text in texts)


@pytest.mark.parametrize("name", DRAW)
def test_svg_is_xml_whatever_the_names(selection, tmp_path, name):
    svg = save(DRAW[name](COLUMN, selection), tmp_path / "figure.svg", COLUMN)[0].read_text()
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    texts = " ".join("".join(element.itertext()) for element in root.iter() if "text" in element.tag)
    assert "cells (standard): 20 normal" in texts
    if name in ("roc", "pr", "timing"):
        assert ODD in texts


@pytest.mark.parametrize("name", ["roc", "scores"])
def test_fonts_are_embedded_as_truetype(selection, tmp_path, name):
    pdf = save(DRAW[name](COLUMN, selection), tmp_path / "figure.pdf", COLUMN)[0].read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf.replace(b" ", b"")
    fonts = re.findall(rb"/BaseFont\s*/(?:[A-Z]{6}\+)?([\w-]+)", pdf)
    assert fonts
    assert set(fonts) == {b"DejaVuSans"}


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
@pytest.mark.parametrize("name", ["roc", "latent"])
def test_the_same_request_gives_the_same_bytes(selection, tmp_path, name, suffix):
    files = [save(DRAW[name](COLUMN, selection), tmp_path / f"{n}{suffix}", COLUMN)[0] for n in (1, 2)]
    first, second = (file.read_bytes() for file in files)
    assert first == second
    plain = first if suffix != ".pdf" else first + b"".join(_streams(first))
    assert not re.search(rb"CreationDate|ModDate|dc:date", plain)


def _streams(pdf):
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            yield zlib.decompress(stream)
        except zlib.error:
            continue


def test_baselines_lie_below_and_a_line_that_covers_another_is_named(store):
    for name, trivial in (("alpha", False), ("beta", False), ("intensity", True), ("other", False)):
        write_run(store, name, trivial=trivial, noise=int(name == "other"))
    for draw in (roc.draw, pr.draw):
        figure = draw(COLUMN, select(store, Wanted())).figure
        grey, whole, dashed = [line for line in figure.axes[0].lines if line.get_linewidth() >= COLUMN.line][:3]
        assert [line.get_color() for line in (grey, whole, dashed)] == [TRIVIAL_GREY, *COLOURS[:2]]
        notes = " ".join(figure.texts[0].get_text().split())
        assert "The same line: alpha and beta and intensity (baseline)." in notes


def test_bands_of_precision_are_not_cut_off(store):
    write_run(store, "alpha", strength=3.0, each=6)
    drawing = pr.draw(COLUMN, select(store, Wanted()))
    lowest = drawing.data["low"].min()
    assert lowest < drawing.data["precision"].min() - 0.1
    assert drawing.figure.axes[0].get_ylim()[0] < lowest


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_figures_are_as_wide_as_they_say(selection, width, tmp_path):
    svg = save(roc.draw(width, selection), tmp_path / "roc.svg", width)[0].read_text()
    points = float(re.search(r'width="([\d.]+)pt"', svg)[1])
    assert points == pytest.approx(width.mm / 25.4 * 72, abs=0.01)


@pytest.mark.parametrize("name", DRAW)
def test_no_text_leaves_the_figure_or_meets_another(selection, name):
    """Labels of the axes, legend and notes; ticks are left to matplotlib."""
    drawing = DRAW[name](COLUMN, selection)
    figure = drawing.figure
    figure.set_dpi(300)
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    pieces = [*figure.texts, *(legend for legend in figure.legends)]
    for axes in figure.axes:
        pieces += [axes.xaxis.label, axes.yaxis.label, axes._left_title]
    boxes = [piece.get_window_extent(renderer) for piece in pieces if getattr(piece, "get_text", lambda: "x")()]
    width, height = figure.canvas.get_width_height()
    for i, box in enumerate(boxes):
        assert -1 <= box.x0 <= box.x1 <= width + 1
        assert -1 <= box.y0 <= box.y1 <= height + 1
        assert not any(box.shrunk(0.98, 0.98).overlaps(other.shrunk(0.98, 0.98)) for other in boxes[:i])


def test_28_methods_can_be_told_apart():
    styles = looks(map(str, range(28))).values()
    assert len({(look.colour, str(look.line)) for look in styles}) == 28 == len(COLOURS) * len(LINES)
    assert len({(look.colour, look.marker) for look in styles}) == 28


def test_histograms_count_every_image_once(selection):
    rows = scores.draw(COLUMN, selection).data
    counts = rows.groupby(["method", "kind"])["images"].sum()
    assert (counts == 20).all()
    assert len(counts) == 3 * 3


def test_timing_divides_by_the_scored_images_and_finds_the_front(selection):
    rows = timing.draw(COLUMN, selection).data.set_index("method")
    assert rows.loc[ODD, "seconds"] == pytest.approx(0.1 / 80)  # 20 of validation, 60 of the test
    assert rows["on_front"].to_dict() == {"alpha": True, ODD: True, "intensity": False}
    fitting = timing.draw(COLUMN, selection, cost="fit").data.set_index("method")
    assert fitting.loc["intensity", "seconds"] == 70


def test_maps_without_times_are_named_and_not_on_the_front(store):
    write_run(store, "alpha", strength=0.1)
    write_run(store, "mine", strength=3, seconds=None)
    for cost in ("score", "fit"):
        drawing = timing.draw(COLUMN, select(store, Wanted()), cost=cost)
        assert drawing.data["method"].tolist() == ["alpha"]
        assert drawing.data["on_front"].tolist() == [True]
        assert "Without times: mine." in drawing.figure.texts[0].get_text().replace("\n", " ")
    with pytest.raises(ConfigError, match=r"Expected times of mine on cells, found none.*--method"):
        timing.draw(COLUMN, select(store, Wanted(methods=["mine"])))


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize(("strength", "seconds"), [(9.0, 1.01), (9.0, 1.0), (0.5, 9.0), (0.5, 900.0)])
def test_methods_close_together_have_axes_to_be_read_by(store, width, strength, seconds):
    write_run(store, "alpha", strength=strength)
    write_run(store, "beta", strength=strength, seconds=seconds)
    drawing = timing.draw(width, select(store, Wanted()))
    (axes,) = drawing.figure.axes
    drawing.figure.draw_without_rendering()
    rows = drawing.data
    low, high = axes.get_ylim()
    assert low < rows["low"].min() <= rows["high"].max() < high <= 1 + 0.03 * (high - low)
    left, right = axes.get_xlim()
    assert left < rows["seconds"].min() <= rows["seconds"].max() < right
    for axis, (first, last) in ((axes.yaxis, (low, high)), (axes.xaxis, (left, right))):
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        labels = {tick.label1.get_text() for tick in ticks if first <= tick.get_loc() <= last} - {""}
        assert len(labels) >= 2


def test_only_what_is_drawn_is_explained(store):
    def notes():
        return " ".join(timing.draw(COLUMN, select(store, Wanted())).figure.texts[0].get_text().split())

    write_run(store, "alpha", strength=99.0)
    assert not re.search("Bars|Pareto", notes())
    write_run(store, "beta", seconds=9.0)  # slower and less accurate: not on the front
    assert "Bars: 95% interval of the only seed." in notes()
    assert "Pareto" not in notes()
    write_run(store, "gamma", seconds=0.1)
    write_run(store, "gamma", seed=1, seconds=0.1)
    assert "Bars: 95% interval of the only seed, or range of the seeds. Grey line: the Pareto front." in notes()


def test_seeds_of_equal_scores_are_drawn(store):
    """The mean of equal numbers may lie a rounding below them all."""
    for seed in (0, 1, 2):
        auroc = write_run(store, "alpha", seed=seed, noise=0).metrics.score.auroc
    assert fmean([auroc] * 3) < auroc
    (row,) = timing.draw(COLUMN, select(store, Wanted())).data.to_dict("records")
    assert row["low"] == row["high"] == auroc == pytest.approx(row["auroc"])


def test_front_against_its_definition():
    rng = np.random.default_rng(1)
    seconds, accuracy = rng.integers(0, 5, 40).tolist(), rng.integers(0, 5, 40).tolist()
    points = list(zip(seconds, accuracy, strict=True))
    beaten = [any(s <= x and a >= y and (s < x or a > y) for s, a in points) for x, y in points]
    assert timing.on_front(seconds, accuracy) == [not b for b in beaten]


def test_training_draws_what_was_logged(selection):
    rows = training.draw(COLUMN, selection).data
    assert set(rows["method"]) == {"alpha"}
    assert rows[rows["seed"] == 1]["value"].tolist() == [1 / (k + 1) for k in range(5)]


def test_latent_positions_are_the_two_widest_directions(selection):
    """Against an eigendecomposition of the covariance; signs are free."""
    rows = latent.draw(COLUMN, selection).data
    codes = selection.runs["alpha"][0].codes.astype(float)
    values, directions = np.linalg.eigh(np.cov(codes.T))
    expected = (codes - codes.mean(axis=0)) @ directions[:, ::-1][:, :2]
    assert np.abs(rows[["x", "y"]].to_numpy()) == pytest.approx(np.abs(expected), abs=1e-6)
    assert rows["x"].var() == pytest.approx(values[-1], rel=1e-6)
    tsne = [latent.draw(COLUMN, selection, projection="tsne").data["x"] for _ in range(2)]
    assert np.array_equal(*tsne)


def test_ranks_are_of_the_mean_over_seeds(store):
    for n, dataset in enumerate(("cells", "wood", "tiles")):
        for i, method in enumerate("abcd"):
            for seed in (0, 1):
                write_run(store, method, dataset, seed=seed, strength=1 + i * (-1) ** n)
    selections = select_each(store, Wanted())
    drawing = ranks.draw(COLUMN, selections)
    rows = drawing.data.set_index("method").loc[list("abcd")]
    means = [
        [np.mean([r.metrics.score.auroc for r in of.runs[m]]) for of in selections.values()] for m in "abcd"
    ]  # fmt: skip
    assert rows[list(selections)].to_numpy() == pytest.approx(np.array(means))
    assert rows["average_rank"].to_numpy() == pytest.approx(rankdata(-np.array(means), axis=0).mean(axis=1))
    assert drawing.figure.texts[0].get_text().startswith("Descriptive: ranks over 3 data sets.")


def test_a_missing_run_is_named_with_the_command(store):
    for dataset, methods in (("cells", "ab"), ("wood", "a")):
        for method in methods:
            write_run(store, method, dataset)
    with pytest.raises(ConfigError, match="bench run --method b --dataset wood"):
        ranks.draw(COLUMN, select_each(store, Wanted()))


def test_a_missing_run_s_command_sets_its_parameters(store):
    for dataset in ("cells", "wood"):
        write_run(store, "a", dataset)
    write_run(store, "a", settings={"width": 64, "rate": 0.1}, params={"width": 64, "rate": 0.1})
    with pytest.raises(ConfigError, match=r"bench run --method a --dataset wood --set rate=0\.1 --set width=64\n"):
        ranks.draw(COLUMN, select_each(store, Wanted()))


def test_two_configurations_of_a_method_are_two_lines_in_the_legend(store, tmp_path):
    for width in (64, 128):
        write_run(store, settings={"width": width}, params={"width": width})
    svg = save(roc.draw(COLUMN, select(store, Wanted())), tmp_path / "roc.svg", COLUMN)[0].read_text()
    assert "alpha (width 128)" in svg
    assert "alpha (width 64)" in svg


LONG = ({"encoder_steps": 60, "generator_steps": 20}, {"encoder_steps": 60, "generator_steps": 40})
LONG_NAMES = [f"alpha (encoder_steps 60, generator_steps {steps})" for steps in (20, 40)]


@pytest.fixture
def long_names(store):
    rng = np.random.default_rng(0)
    for name, settings in (("alpha", LONG[0]), ("alpha", LONG[1]), ("beta", {})):
        for dataset in ("cells", "wood"):
            codes = rng.normal(size=(60, 4)).astype(np.float32)
            write_run(store, name, dataset, settings=settings, params=settings, codes=codes, training=LOG, noise=1)
    return store


def _written(drawing):
    """Names of methods in titles, legends and the diagram, without their figures; and the notes in one line."""
    figure = drawing.figure
    texts = [title.get_text() for axes in figure.axes for title in (axes._left_title, *axes.texts)]
    texts += [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    names = [match[0] for text in texts if (match := re.search(r"(alpha|beta)( \[\d\]| \(.*?\))?", text))]
    return names, " ".join(figure.texts[0].get_text().split())


@pytest.mark.parametrize("name", [*DRAW, "ranks"])
def test_names_without_room_are_numbered_and_spelled_out_below(long_names, name):
    if name == "ranks":
        names, notes = _written(ranks.draw(COLUMN, select_each(long_names, Wanted())))
    else:
        names, notes = _written(DRAW[name](COLUMN, select(long_names, Wanted("cells"))))
    if name in ("pr", "training"):  # without intervals behind them they fit
        assert sorted(names) == [*LONG_NAMES, "beta"]
    else:
        assert sorted(names) == ["alpha [1]", "alpha [2]", "beta"]
        assert f"[1] {LONG_NAMES[0]}, [2] {LONG_NAMES[1]}." in notes  # the same numbers in every figure


def test_titles_of_histograms_take_two_lines_where_one_is_too_short(store):
    for name in ("wgan-critic-of-x", "beta"):
        write_run(store, name)
    figure = scores.draw(COLUMN, select(store, Wanted())).figure
    assert [axes._left_title.get_text().split("\n")[0] for axes in figure.axes] == ["beta", "wgan-critic-of-x"]


def test_a_method_s_own_name_too_long_keeps_its_number():
    names = ["anomalib:some_long_model (depth 1)", "anomalib:some_long_model (depth 2)"]
    found = shortened(dict.fromkeys(names, ", AUROC 0.5"), 30, 7)
    first, second = found.shown.values()
    assert first.endswith(" [1]")
    assert second.endswith(" [2]")
    assert first.startswith("ano")
    assert all(text_mm(f"{text}, AUROC 0.5", 7) <= 30 for text in (first, second))
    assert found.notes == [f"[1] {names[0]}, [2] {names[1]}."]
    assert shortened({"pca": ""}, 30, 7).notes == []


@pytest.mark.parametrize("figures", [{}, {"loss": None}], ids=["no column", "an empty column"])
def test_steps_that_log_nothing_give_no_panels(store, figures):
    write_run(store, "alpha", training=[{"stage": "walk", "step": k, "seconds": k, **figures} for k in range(3)])
    with pytest.raises(ConfigError, match="None of alpha logged figures of its training on cells"):
        training.draw(COLUMN, select(store, Wanted()))


@pytest.mark.parametrize(("draw", "message"), [
    (training.draw, "None of intensity logged figures of its training"), (latent.draw, "None of intensity kept codes"),
])  # fmt: skip
def test_nothing_to_draw_is_said(store, draw, message):
    write_run(store, "intensity")
    with pytest.raises(ConfigError, match=message):
        draw(COLUMN, select(store, Wanted()))
