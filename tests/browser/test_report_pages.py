"""The web site in a real browser: sorting, filters, thresholds, curves, keys, widths, and no network."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Silent
from scipy.stats import rankdata
from site_records import HOSTILE, write_run
from sklearn.metrics import roc_curve

from bench.metrics import ranking
from bench.records.saved import finished
from bench.records.store import RecordStore
from bench.report.selection import select
from bench.report.site import build_report

KINDS = ("crack", "hole & <i>gap</i>")
WIDTHS = (390, 1440)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = RecordStore(tmp_path_factory.mktemp("results"))
    write_run(store, "alpha", strength=2.0, kinds=KINDS)
    write_run(store, "beta", strength=1.0, kinds=KINDS)
    write_run(store, "gamma", strength=0.5, kinds=KINDS, preset="quick", maps=False)
    write_run(store, HOSTILE, strength=1.0, dataset="not-here")
    write_run(store, "delta", dataset="averaged", kinds=KINDS, average_kinds=True)
    return store


@pytest.fixture(scope="module")
def site(store, tmp_path_factory):
    silent = Silent()
    return build_report(select(store, None, silent), tmp_path_factory.mktemp("out") / "site", None, silent).parent


@pytest.fixture
def watched(page):
    """Every request and every complaint of the page."""
    page.requests, page.complaints = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


@pytest.fixture
def toy(site):
    """The page of the data set whose images are here."""
    return next((site / "data").glob("toy-*.html"))


def run_page(site, method):
    return next((site / "runs").glob(f"{method}-*.html"))


def run_of(store, method):
    return next(run for run in finished(store) if run.record.spec.method == method)


def cells(page, table, column):
    """Text of a column, in the rows that are shown."""
    return page.locator(f"#{table} tbody tr:not([hidden]) td:nth-child({column})").all_inner_texts()


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_and_keeps_to_itself(watched, site, width):
    watched.set_viewport_size({"width": width, "height": 800})
    pages = sorted(site.rglob("*.html"))
    assert len(pages) == 1 + 3 + 5 + 1
    for file in pages:
        watched.goto(file.as_uri())
        watched.wait_for_load_state("load")
        assert watched.evaluate("document.documentElement.scrollWidth") <= width, file
    assert not watched.complaints
    assert {url.partition(":")[0] for url in watched.requests} <= {"file", "data"}


def test_boards_sort_by_any_column(watched, site):
    watched.goto((site / "index.html").as_uri())
    board = watched.locator("section.board").filter(has_text="alpha").first
    table = board.locator("table").get_attribute("id")
    header = board.locator("th").filter(has_text="AP")
    header.get_by_role("button").click()
    values = [float(text) for text in cells(watched, table, 5)]
    assert header.get_attribute("aria-sort") == "descending"
    assert values == sorted(values, reverse=True)
    header.get_by_role("button").press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert [float(text) for text in cells(watched, table, 5)] == sorted(values)


def test_boards_filter_by_data_set_preset_and_words(watched, site):
    watched.goto((site / "index.html").as_uri())
    boards = watched.locator("section.board")
    whole = boards.locator("visible=true").count()
    watched.get_by_label("Preset").select_option("quick")
    assert 0 < boards.locator("visible=true").locator("table").count() < whole
    assert all("quick" in text for text in boards.locator("visible=true").locator("h3").all_inner_texts())
    watched.get_by_label("Preset").select_option("")
    watched.get_by_label("Search").fill("beta")
    assert boards.locator("visible=true").locator("tbody tr:visible").all_inner_texts()
    assert all("beta" in text for text in watched.locator("section.board tbody tr:visible").all_inner_texts())


def test_images_sort_by_score_and_filter_by_kind_and_verdict(watched, site, store):
    watched.goto(run_page(site, "beta").as_uri())
    run = run_of(store, "beta")
    scores = [float(text) for text in cells(watched, "image-table", 2)]
    assert scores == pytest.approx(sorted(run.score.tolist(), reverse=True))
    watched.locator("#images").get_by_label("Kind").select_option(KINDS[1])
    assert set(cells(watched, "image-table", 4)) == {KINDS[1]}
    watched.locator("#images").get_by_label("At the validation threshold").select_option("missed")
    shown = [float(text) for text in cells(watched, "image-table", 2)]
    missed = run.score[(run.scores["kind"] == KINDS[1]) & (run.score < run.record.metrics.operating_point.threshold)]
    assert shown == pytest.approx(sorted(missed.tolist(), reverse=True))
    assert watched.locator("output").inner_text() == f"{len(missed)} of 48 rows"


def test_long_tables_show_more_on_request(watched, site):
    watched.goto(run_page(site, "alpha").as_uri())
    watched.evaluate("TABLES['image-table'].page = 20; TABLES['image-table'].filter()")
    assert len(cells(watched, "image-table", 2)) == 20
    watched.get_by_role("button", name="Show 20 more of 28").click()
    assert len(cells(watched, "image-table", 2)) == 40
    watched.get_by_role("button", name="Show 8 more of 8").click()
    assert len(cells(watched, "image-table", 2)) == 48
    assert watched.locator("button.more:visible").count() == 0


def choose_run(page, name):
    (option,) = [text for text in page.locator("#run option").all_inner_texts() if text.startswith(name)]
    page.locator("#run").select_option(label=option)


@pytest.mark.parametrize("kind", ["", *KINDS])
@pytest.mark.parametrize("method", ["alpha", "gamma"])
def test_the_slider_says_what_the_metrics_say(watched, toy, store, method, kind):
    run = run_of(store, method)
    validation = run.record.metrics.operating_point.threshold
    chosen = (run.labels == 0) | (run.scores["kind"] == kind) if kind else run.labels >= 0
    labels, scores = run.labels[chosen], run.score[chosen]
    watched.goto(toy.as_uri())
    choose_run(watched, method)
    watched.locator("#kind").select_option(kind)
    slider = watched.locator("#threshold")
    stops = [*sorted({*scores.tolist(), validation}), np.inf]
    assert int(slider.input_value()) == stops.index(validation)
    assert slider.get_attribute("max") == str(len(stops) - 1)
    for place in (0, 1, len(stops) // 3, stops.index(validation), len(stops) - 2, len(stops) - 1):
        slider.fill(str(place))
        point = ranking.operating_point(labels, scores, stops[place])
        shown = watched.locator("#decisions tbody tr").first.locator("td").all_inner_texts()
        assert shown[1:5] == [
            "–" if share is None else f"{share:.3f}"
            for share in (point.sensitivity, point.specificity, point.precision, point.f1)
        ]
        spoken = slider.get_attribute("aria-valuetext")
        assert spoken.endswith(f"sensitivity {point.sensitivity:.3f}, specificity {point.specificity:.3f}")
    recorded = ranking.operating_point(labels, scores, validation)
    marked = watched.locator("#decisions tbody tr").last.locator("td").all_inner_texts()
    assert marked[1:3] == [f"{recorded.sensitivity:.3f}", f"{recorded.specificity:.3f}"]


def drawn(page, canvas, name):
    """Points of the curve whose name begins so."""
    return page.evaluate(
        "([canvas, name]) => Chart.getChart(canvas).data.datasets"
        ".find((set) => set.showLine && set.label?.startsWith(name)).data.map(({x, y}) => [x, y])",
        [canvas, name],
    )


def test_curves_are_those_of_the_metrics(watched, toy, store):
    watched.goto(toy.as_uri())
    for method in ("alpha", "beta", "gamma"):
        run = run_of(store, method)
        fpr, tpr, _ = roc_curve(run.labels, run.score, drop_intermediate=False)
        np.testing.assert_allclose(drawn(watched, "roc", method), np.stack([fpr, tpr], axis=1), atol=1e-12)
        recall, precision = np.array(drawn(watched, "pr", method)).T
        area = np.diff(recall) @ precision[1:]
        assert area == pytest.approx(ranking.average_precision(run.labels, run.score))


def test_kinds_are_never_put_together_where_the_figure_is_their_mean(watched, site, toy):
    choices = "[...document.querySelectorAll('#kind option')].map((option) => option.value)"
    watched.goto(next((site / "data").glob("averaged-*.html")).as_uri())
    assert watched.evaluate(choices) == list(KINDS)
    watched.goto(toy.as_uri())
    assert watched.evaluate(choices) == ["", *KINDS]


def test_the_threshold_is_moved_by_keys_and_returns(watched, toy):
    watched.goto(toy.as_uri())
    slider, first = watched.locator("#threshold"), watched.locator("#threshold").input_value()
    slider.focus()
    watched.keyboard.press("ArrowRight")
    assert int(slider.input_value()) == int(first) + 1
    watched.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext").startswith("above every score: sensitivity 0.000, specificity 1.000")
    watched.get_by_role("button", name="Validation threshold").press("Enter")
    assert slider.input_value() == first


def test_a_curve_leaves_when_its_box_is_cleared(watched, toy):
    watched.goto(toy.as_uri())
    count = "Chart.getChart('roc').data.datasets.filter((set) => set.showLine).length"
    before = watched.evaluate(count)
    watched.locator("input[data-run]").first.press("Space")
    assert watched.evaluate(count) == before - 1


def test_everything_is_reached_by_keys_and_focus_is_seen(watched, site):
    watched.goto(run_page(site, "alpha").as_uri())
    watched.keyboard.press("Tab")
    assert watched.evaluate("document.activeElement.textContent") == "Skip to the content"
    wanted = watched.locator("a:visible, button:visible, input:visible, select:visible, summary:visible").count()
    reached = 1
    while reached < wanted + 40:
        watched.keyboard.press("Tab")
        if watched.evaluate("document.activeElement === document.body"):
            break
        reached += 1
        assert watched.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached >= wanted


def test_the_viewer_opens_closes_and_gives_the_focus_back(watched, site):
    watched.goto(run_page(site, "alpha").as_uri())
    thumb = watched.locator("#image-table .thumb").first
    thumb.press("Enter")
    dialog = watched.get_by_role("dialog")
    assert dialog.get_by_role("heading").inner_text() == cells(watched, "image-table", 7)[0]
    assert "synthetic" in dialog.inner_text()
    dialog.get_by_role("button", name="Next").click()
    assert dialog.get_by_role("heading").inner_text() == cells(watched, "image-table", 7)[1]
    watched.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert thumb.evaluate("(button) => button === document.activeElement")


def opacities(page, place):
    pair = "[layer.dataset.layer, Number(getComputedStyle(layer).opacity)]"
    return page.locator(f"{place} .layer").evaluate_all(
        f"(layers) => Object.fromEntries(layers.map((layer) => {pair}))"
    )


def test_the_layer_slider_goes_from_image_to_map_to_mask(watched, site):
    watched.goto(run_page(site, "alpha").as_uri())
    row = watched.locator('#image-table tr[data-kind="crack"] .thumb').first
    row.click()
    slider = watched.locator(".viewer input[type=range]")
    assert opacities(watched, ".viewer") == {"image": 1, "redrawn": 0, "map": 0, "mask": 0}
    slider.fill("2.5")
    assert opacities(watched, ".viewer") == {"image": 1, "redrawn": 0, "map": 0.5, "mask": 0.5}
    assert slider.get_attribute("aria-valuetext") == "50 % map, 50 % mask"
    watched.locator(".viewer").get_by_role("button", name="mask").click()
    assert opacities(watched, ".viewer") == {"image": 1, "redrawn": 0, "map": 0, "mask": 1}
    widths = watched.locator(".viewer .layer").evaluate_all("(all) => all.map((each) => each.naturalWidth)")
    assert all(widths)


def test_worst_mistakes_come_first(watched, site, store):
    watched.goto(run_page(site, "beta").as_uri())
    run = run_of(store, "beta")
    first = watched.locator("#mistakes .cards").nth(0).locator("b").all_inner_texts()
    last = watched.locator("#mistakes .cards").nth(1).locator("b").all_inner_texts()
    normal, anomalous = np.sort(run.score[run.labels == 0]), np.sort(run.score[run.labels == 1])
    assert [float(text) for text in first] == pytest.approx(normal[::-1][:8].tolist())
    assert [float(text) for text in last] == pytest.approx(anomalous[:8].tolist())


def test_two_runs_image_by_image(watched, site, store):
    watched.goto(next((site / "compare").glob("*.html")).as_uri())
    for letter, method in (("a", "gamma"), ("b", "alpha")):
        (option,) = [t for t in watched.locator("#run-a option").all_inner_texts() if t.startswith(method)]
        watched.locator(f"#run-{letter}").select_option(label=option)
    ids, a, b = (cells(watched, "rank-table", column) for column in (8, 3, 4))
    for shown, method in ((a, "gamma"), (b, "alpha")):
        run = run_of(store, method)
        ranks = dict(zip(run.scores["id"], rankdata(-run.score), strict=True))
        assert [float(rank) for rank in shown] == [ranks[name] for name in ids]
    assert "seed 0" in watched.locator("#about-runs").inner_text()
    differences = [float(text) for text in cells(watched, "rank-table", 5)]
    assert differences == sorted(differences, reverse=True)
    assert "quick" in watched.locator("#about-runs").inner_text()
    watched.locator("#rank-table .thumb").first.click()
    assert watched.get_by_role("dialog").get_by_role("heading").inner_text() == ids[0]


def test_a_run_is_compared_from_its_own_page(watched, site):
    watched.goto(run_page(site, "gamma").as_uri())
    watched.get_by_role("link", name="Compare").click()
    watched.wait_for_load_state("load")
    assert watched.locator("#run-a option:checked").inner_text().startswith("gamma")
    assert not watched.locator("#run-b option:checked").inner_text().startswith("gamma")


def test_names_are_shown_as_they_are(watched, site):
    watched.goto(next((site / "data").glob("not-here-*.html")).as_uri())
    assert any(HOSTILE in text for text in watched.locator("#run option").all_inner_texts())
    assert watched.locator("script:not([src]):not([type='application/json'])").count() == 0
    assert not watched.complaints
