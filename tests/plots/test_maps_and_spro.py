"""Figures that need the data set's images: real runs on the toy data set, and a data set that is gone or changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fabricated import write_run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.contracts import ANOMALOUS, Region, Sample
from bench.errors import ConfigError
from bench.judging.own_maps import measure_own_maps
from bench.metrics.passes import Annotation, PixelImage
from bench.metrics.pixels import measure
from bench.metrics.pools import LIMITS
from bench.plots import maps, spro, training
from bench.plots.chosen_images import chosen_images
from bench.plots.lines import Line
from bench.plots.output import save
from bench.plots.request import Wanted
from bench.plots.selection import select
from bench.plots.spro import line_of_images, spro_line, thinned
from bench.plots.style import WIDTHS
from bench.records import saved
from bench.records.export import export_maps
from bench.records.reopening import reopened

COLUMN, TEXT = WIDTHS["column"], WIDTHS["text"]


@pytest.fixture
def selection(run_toy, store):
    run_toy("intensity", "pca")
    return select(store, Wanted())


def test_area_under_the_csv_is_the_record_s_au_spro(selection, tmp_path):
    rows = pd.read_csv(save(spro.draw(COLUMN, selection), tmp_path / "spro.png", COLUMN)[1])
    for name, (run,) in selection.runs.items():
        points = rows[(rows["method"] == name) & (rows["curve"] == "seed 0")]
        for limit in (limit for limit in LIMITS if limit <= spro.SHOWN):
            inside = points[points["fpr"] <= limit]
            area = np.trapezoid(inside["spro"], inside["fpr"]) / limit
            assert area == pytest.approx(run.metrics.pixel.headline.au_spro[str(limit)].value, abs=1e-9)


def test_the_curve_is_what_every_threshold_gives(selection):
    """By hand: sPRO and false positive rate at some thresholds, from the maps and masks themselves."""
    (run,) = selection.runs["intensity"]
    data = reopened(run.record, None)
    found = {name: run.maps[i] for i, name in enumerate(run.maps.ids)}
    masks = {s.id: [region.read() for region in s.regions] for s in data.split.test}
    pixels = np.concatenate([found[s.id].ravel() for s in data.split.test])
    line = spro_line(run, data)
    for threshold in np.quantile(pixels, [0.5, 0.9, 0.97, 0.995]):
        shares = [(found[i] >= threshold)[mask].mean() for i, of in masks.items() for mask in of]
        clean = [~np.any([np.zeros_like(found[i], bool), *of], axis=0) for i, of in masks.items()]
        false = np.concatenate([found[i][ok] >= threshold for i, ok in zip(masks, clean, strict=True)])
        before, after = line.limits(np.array([false.mean()]))
        assert before[0] - 1e-9 <= np.mean(shares) <= after[0] + 1e-9


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("levels", [3, 40, None])
def test_kinds_saturation_and_ties_as_they_are_measured(average, levels):
    """Against ``measure``, which has its own oracles: two kinds, overlapping defects, maps of few levels."""
    rng = np.random.default_rng(levels or 0)
    images = [_image("good", rng, levels) for _ in range(4)]
    images += [_image(kind, rng, levels) for kind in ("dent", "hole", "hole")]
    measured = measure(images, average_kinds=average, resamples=0).metrics.headline.au_spro
    line = line_of_images(images, average)
    for limit in LIMITS:
        assert _area(line, limit) / limit == pytest.approx(measured[str(limit)].value, abs=1e-9)


def _image(kind, rng, levels):
    values = rng.random((20, 30)) if levels is None else rng.integers(levels, size=(20, 30)) / levels
    masks = np.zeros((2, 20, 30), bool)
    masks[0, 3:9, 4:12] = masks[1, 6:15, 8:13] = True
    annotations = [] if kind == "good" else [Annotation(mask, int(mask.sum()) // 2) for mask in masks]
    return PixelImage(kind, kind == "good", lambda: values + 0.2 * masks.any(axis=0), lambda: annotations)


def test_thinning_keeps_areas_and_shape():
    rng = np.random.default_rng(0)
    x, y = (np.concatenate([[0.0], np.sort(rng.random(200_000)), [1.0]]) for _ in range(2))
    line = Line(np.repeat(x**2, 2)[1:], np.repeat(y**0.2, 2)[:-1])
    short = thinned(line, end=0.3)
    assert len(short.x) < 5000
    assert short.x[-1] == 0.3
    assert (np.diff(short.x) >= 0).all()
    assert (np.diff(short.y) >= -1e-12).all()
    for limit in (0.01, 0.05, 0.1, 0.3):
        exact = _area(line, limit)
        assert _area(short, limit) == pytest.approx(exact, abs=1e-12)
    grid = np.linspace(0.001, 0.299, 500)
    assert np.abs(short.limits(grid)[0] - line.limits(grid)[0]).max() < 2e-3


def _area(line, limit):
    inside = line.x <= limit
    end = line.limits(np.array([limit]))[0]
    return np.trapezoid(np.append(line.y[inside], end), np.append(line.x[inside], limit))


def test_the_grid_shows_what_the_record_and_the_data_hold(selection):
    drawing = maps.draw(TEXT, selection, panels=["redrawn", "residual"])
    heads = [axes.get_title() for axes in drawing.figure.axes if axes.get_title()]
    assert heads == ["input", "annotation", "intensity\nresidual", "pca\nredrawn", "pca\nresidual"]
    first = reopened(selection.first.record, None).split.test
    by_kind = {sample.kind: sample for sample in reversed(first)}
    assert drawing.data["id"].unique().tolist() == [by_kind["good"].id, by_kind["square"].id]
    shown = drawing.figure.axes[1].images[0].get_array()
    assert np.array_equal(shown, by_kind["good"].read())
    (pca,) = selection.runs["pca"]
    redrawn = drawing.figure.axes[4].images[0].get_array()
    assert np.array_equal(redrawn, pca.redrawn[pca.redrawn.ids.index(by_kind["good"].id)].squeeze())


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_heads_and_labels_stay_within_the_figure(selection, width):
    figure = maps.draw(width, selection).figure
    figure.set_dpi(300)
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    pieces = [*figure.texts, *(text for axes in figure.axes for text in (axes.title, *axes.texts) if text.get_text())]
    for box in (piece.get_window_extent(renderer) for piece in pieces):
        assert -1 <= box.x0 <= box.x1 <= figure.bbox.width + 1
        assert -1 <= box.y0 <= box.y1 <= figure.bbox.height + 1


def test_every_region_has_an_outline_of_its_own():
    """Two that overlap: merged, they would have one."""
    masks = [np.zeros((12, 12), bool) for _ in range(2)]
    masks[0][2:7, 2:7] = masks[1][4:10, 4:10] = True
    regions = tuple(Region(read=lambda mask=mask: mask) for mask in masks)
    sample = Sample("a", ANOMALOUS, "dent", lambda: np.zeros((12, 12), np.uint8), "d", regions=regions)
    axes = Figure().subplots()
    assert maps.draw_regions(axes, sample) == 2
    boxes = [collection.get_paths()[0].get_extents() for collection in axes.collections]
    assert sorted((box.x0, box.x1) for box in boxes) == [(1.5, 6.5), (3.5, 9.5)]


def test_an_annotated_panel_is_as_large_as_its_neighbours(selection):
    axes = maps.draw(TEXT, selection).figure.axes
    limits = {(panel.get_xlim(), panel.get_ylim()) for panel in axes if panel.images}
    assert any(panel.collections for panel in axes)
    assert len(limits) == 1


@pytest.mark.parametrize("pick", ["worst", "best", "spread"])
def test_images_by_score_only_where_asked(store, pick):
    write_run(store, each=9)
    (run,) = saved.finished(store)
    ids, rule = chosen_images(run, (), pick)
    assert rule.startswith("Chosen by score")
    for kind, rows in run.scores.groupby("kind"):
        clearest = rows.sort_values("score", ascending=kind == "good")["id"].tolist()
        places = {"best": [0], "worst": [8], "spread": [0, 4, 8]}[pick]
        assert [name for name in ids if f"/{kind}/" in name] == [clearest[place] for place in places]


def test_images_by_name_or_the_first_of_each_kind(store):
    write_run(store)
    (run,) = saved.finished(store)
    assert chosen_images(run, (), "first")[0] == ["test/good/000", "test/dents/000", "test/holes/000"]
    assert chosen_images(run, ["test/holes/007"], "worst") == (["test/holes/007"], "Images chosen by hand.")
    with pytest.raises(ConfigError, match="Did you mean test/holes/007"):
        chosen_images(run, ["test/hole/007"], "first")


def test_no_maps_is_said(store):
    write_run(store)
    for draw in (maps.draw, spro.draw):
        with pytest.raises(ConfigError, match="None of alpha"):
            draw(COLUMN, select(store, Wanted()))


def test_maps_that_were_measured_and_not_kept_are_told_apart_from_none(selection, store, silent, tmp_path):
    (run,) = selection.runs["pca"]
    export_maps(run.record, tmp_path / "maps", silent)
    data = reopened(run.record, None)
    measure_own_maps(data, tmp_path / "maps", None, "mine", silent).save(store)
    own = select(store, Wanted(preset="own maps"))
    for draw in (maps.draw, spro.draw):
        with pytest.raises(ConfigError) as found:
            draw(COLUMN, own)
        assert "the maps of mine were measured but not kept" in str(found.value)
        assert "make none" not in str(found.value)
        assert "--force" not in str(found.value)
    with pytest.raises(ConfigError, match="no log is kept beside the records of mine") as found:
        training.draw(COLUMN, own)
    assert "nothing is trained" not in str(found.value)


def test_unknown_panels(selection):
    with pytest.raises(ConfigError, match="Did you mean overlay"):
        maps.draw(TEXT, selection, panels=["overlays"])
