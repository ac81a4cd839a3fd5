"""Parts of the web site: pictures of masks and maps, verdicts, names, groups."""

from __future__ import annotations

import numpy as np
import pytest
from made_records import make
from scipy.stats import rankdata
from site_records import toy, write_run

from bench import registry
from bench.boards.leaderboard import Known
from bench.metrics.ranking import operating_point
from bench.records.saved import finished
from bench.report.boards import every_board
from bench.report.choice import pictured
from bench.report.figures_table import figures_tables
from bench.report.groups import groups
from bench.report.overlays import map_picture
from bench.report.run_page import flat
from bench.report.thumbnails import LONGEST, mask_picture, shrunk
from bench.report.verdicts import judged, worst_mistakes


@pytest.mark.parametrize("shape", [(400, 1000, 1), (1000, 400, 3)])
def test_thumbnails_keep_their_proportions(shape):
    picture = shrunk(np.zeros(shape, dtype=np.uint8))
    assert max(picture.size) == LONGEST
    assert sorted(picture.size) == [64, 160]
    assert shrunk(np.zeros((28, 28, 1), dtype=np.uint8)).size == (28, 28)


def test_one_pixel_of_a_large_mask_is_still_seen():
    mask = np.zeros((1000, 1000), dtype=np.uint8)
    mask[503, 17] = 255
    alpha = np.asarray(mask_picture(mask).convert("RGBA"))[:, :, 3]
    assert (alpha > 0).sum() == 1
    assert alpha[503 * 160 // 1000, 17 * 160 // 1000] > 0


def test_maps_glow_where_they_are_high():
    values = np.linspace(-2, 3, 64, dtype=np.float32).reshape(8, 8)
    colours = np.asarray(map_picture(values, 0.0, 2.0).convert("RGBA")).reshape(64, 4).astype(int)
    assert len(np.unique(colours[values.ravel() <= 0], axis=0)) == 1
    assert len(np.unique(colours[values.ravel() >= 2], axis=0)) == 1
    assert (np.diff(colours[:, 3]) >= 0).all()
    assert colours[:, 3].max() < 255
    brightness = colours[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) >= -1).all()


@pytest.fixture
def run(store):
    write_run(store, "a")
    return finished(store)[0]


def test_verdicts_add_up_to_the_record(run):
    verdicts = [image.verdict for image in judged(run)]
    point = operating_point(run.labels, run.score, run.record.metrics.operating_point.threshold)
    normal = (run.labels == 0).sum()
    assert verdicts.count("found") == round(point.sensitivity * (len(verdicts) - normal))
    assert verdicts.count("false alarm") == round((1 - point.specificity) * normal)
    assert len(verdicts) == sum(map(verdicts.count, ("found", "missed", "false alarm", "passed")))


def test_ranks_begin_with_the_most_anomalous(run):
    assert [image.rank for image in judged(run)] == rankdata(-run.score).tolist()


def test_the_worst_mistakes_come_first(run):
    high, low = worst_mistakes(judged(run), 5)
    normal, anomalous = np.sort(run.score[run.labels == 0]), np.sort(run.score[run.labels == 1])
    assert [image.score for image in high] == normal[::-1][:5].tolist()
    assert [image.score for image in low] == anomalous[:5].tolist()


def test_pictured_images_hold_the_worst_mistakes_of_every_run(store):
    for seed in (0, 1):
        write_run(store, "a", seed=seed)
    (group,) = groups(finished(store))
    chosen = pictured(group, 16)
    assert len(chosen) == 16
    for found in group.runs:
        high, low = worst_mistakes(judged(found), 2)
        assert {image.id for image in [*high, *low]} <= chosen
    assert len(pictured(group, 48)) == 48


def test_runs_on_other_images_never_share_a_page(store):
    write_run(store, "a")
    write_run(store, "b")
    write_run(store, "a", data=toy(tested=44))
    found = groups(finished(store))
    assert sorted(len(group.runs) for group in found) == [1, 2]
    assert len({group.slug for group in found}) == 2


def test_every_run_of_a_group_has_a_name_of_its_own(store):
    write_run(store, "a")
    record = write_run(store, "a", strength=2.0, preset="quick")
    spec = record.spec.__class__(**{**vars(record.spec), "preset": "standard", "params": {"width": 2}})
    with store.drafting(record.key) as draft:
        for name in record.files:
            (draft / name).parent.mkdir(exist_ok=True)
            (draft / name).write_bytes((record.folder / name).read_bytes())
        store.write(record.model_copy(update={"spec": spec, "key": spec.key}), draft)
    (group,) = groups(finished(store))
    assert len(set(group.names)) == 3


def test_an_oracle_is_called_one_in_every_table(run):
    names = [row.name for table in figures_tables(run.record.metrics) for row in table.rows]
    assert "Youden point (oracle)" in names
    assert "95 % of normal validation images below" in names


def test_nested_values_become_lines():
    assert list(flat({"a": {"b_c": 1, "d": None}, "e": [1, 2], "f": True})) == [
        ("a, b c", "1"), ("a, d", "–"), ("e", "1, 2"), ("f", "yes"),
    ]  # fmt: skip


def test_a_category_without_maps_costs_no_other_its_boards(store):
    make(store, "pca", dataset="mvtec-ad", category="bottle", areas={"square": 0.5})
    for category in registry.entries("dataset")["mvtec-ad"].categories:
        make(store, "knn", dataset="mvtec-ad", category=category)
    boards = [shown.board for shown in every_board(Known.read(store, with_published=False))]
    by_pixels = [board.dataset for board in boards if board.ranked.key == "au_spro@0.05"]
    by_images = {board.dataset for board in boards if board.ranked.key == "auroc"}
    assert by_pixels == ["mvtec-ad", "mvtec-ad:bottle"]
    assert {"mvtec-ad", "mvtec-ad:bottle", "mvtec-ad:cable"} <= by_images
