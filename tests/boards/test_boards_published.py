"""Published rows on boards: where f-AnoGAN is known, and where a published figure must not stand."""

from __future__ import annotations

import pytest
from made_records import make

from bench.boards.leaderboard import Known, leaderboard
from bench.boards.measures import MEASURES, parse_measures
from bench.boards.model import Measured, Reported
from bench.boards.published import PublishedRow

LOCO = "MVTec LOCO AD, mean of logical and structural"


@pytest.mark.parametrize(
    ("dataset", "metric", "figure", "kinds"),
    [
        ("hyper-kvasir", "auroc", 0.907, {}),
        ("lag", "auroc", 0.778, {}),
        ("mvtec-loco", "auroc", 0.642, {"logical_anomalies": 0.658, "structural_anomalies": 0.627}),
        ("mvtec-loco", "au_spro@0.05", 0.334, {"logical_anomalies": 0.460, "structural_anomalies": 0.209}),
        ("oct-bmad", "auroc", 0.7342, {}),
        ("resc", "auroc", 0.774, {}),
    ],
)
def test_boards_on_which_fanogan_is_known(store, dataset, metric, figure, kinds):
    """Figures as in CCD (MICCAI 2021), Bergmann et al. (IJCV 2022) and BMAD; no run of ours is needed."""
    (board,) = leaderboard(Known.read(store), dataset, parse_measures(metric))
    (row,) = [row for row in board.rows if row.method == "f-AnoGAN"]
    assert row.cells[metric].value == pytest.approx(figure, abs=5e-4)
    assert {kind: row.cells[f"kind:{kind}"].value for kind in kinds} == kinds
    assert row.rank == 1 + sum(other.cells[metric].value > row.cells[metric].value for other in board.rows)
    assert row.origin.our_method == "fanogan"
    assert board.is_published_only
    assert not any(other.tied for other in board.rows)


def test_ours_and_published_rows_share_one_rank(store):
    make(store, "fanogan", dataset="lag", protocol="LAG: CCD's classes and sizes, our seed", strength=3.0)
    (board,) = leaderboard(Known.read(store), "lag")
    assert [(row.rank, type(row.origin)) for row in board.rows] == [(1, Measured), (2, Reported)]
    assert board.rows[0].cells["auroc"].value > 0.778


@pytest.mark.parametrize("other", [{"preset": "quick"}, {"subset": True}, {"synthetic": True}, {"mean_of_kinds": True}])
def test_trials_and_other_averages_get_no_published_rows(store, other):
    make(store, "fanogan", dataset="lag", protocol="LAG: CCD's classes and sizes, our seed", **other)
    boards = leaderboard(Known.read(store), "lag")
    assert sorted([row.method for row in board.rows] for board in boards) == [["f-AnoGAN"], ["fanogan"]]


def test_maps_made_elsewhere_stand_beside_published_rows(store):
    make(store, "theirs", dataset="lag", protocol="LAG: CCD's classes and sizes, our seed", preset="own maps")
    (board,) = leaderboard(Known.read(store), "lag")
    assert {row.method for row in board.rows} == {"theirs", "f-AnoGAN"}
    assert board.marks == ("own maps",)


def test_another_protocol_gets_no_published_rows(store):
    make(store, "fanogan", dataset="lag", protocol="LAG: all images")
    assert [[row.method for row in board.rows] for board in leaderboard(Known.read(store), "lag")] == [
        ["fanogan"], ["f-AnoGAN"],
    ]  # fmt: skip


def test_published_rows_can_be_left_out(store):
    make(store, "fanogan", dataset="lag", protocol="LAG: CCD's classes and sizes, our seed")
    (board,) = leaderboard(Known.read(store, with_published=False), "lag")
    assert [row.method for row in board.rows] == ["fanogan"]


def row(**changes):
    cells = {
        "dataset": "toy", "category": "", "protocol": "p", "comparable_with": "toy rules", "kind": "",
        "metric": "auroc", "aggregation": "mean_of_kinds", "method": "X", "our_method": "", "value": 0.9, "sd": "",
        "ranked": True, "year": 2020, "source": "s", "confidence": "high", "note": "",
    }  # fmt: skip
    return PublishedRow.model_validate(cells | changes)


def kinds_of(*values, **changes):
    kinds = zip(("hole", "crack"), values, strict=False)
    return [row(kind=kind, aggregation="", value=value, **changes) for kind, value in kinds]


def boards_of(*rows, metric="auroc"):
    return leaderboard(Known((), (), tuple(rows)), "toy", (MEASURES[metric],))


def test_a_mean_nobody_printed_is_computed_from_both_kinds_and_said():
    (board,) = boards_of(row(method="Y", source="t"), *kinds_of(0.6, 0.8))
    assert [(r.name, r.cells["auroc"].value) for r in board.rows] == [("Y", 0.9), ("X", pytest.approx(0.7))]
    assert "computed here" in board.rows[1].origin.note


def test_a_mean_in_doubt_is_not_replaced_by_one_of_ours():
    doubtful = row(value=0.75, ranked=False, note="as printed; disagrees with its parts")
    (board,) = boards_of(row(method="Y", source="t"), doubtful, *kinds_of(0.6, 0.8))
    assert [r.name for r in board.rows] == ["Y"]
    assert board.footer.unmatched == 1


def test_one_kind_alone_is_no_mean():
    (board,) = boards_of(row(method="Y", source="t"), *kinds_of(0.6))
    assert [r.name for r in board.rows] == ["Y"]


def test_pooled_and_averaged_figures_stand_apart():
    boards = boards_of(row(), row(method="Y", aggregation="pooled"))
    assert [[r.name for r in board.rows] for board in boards] == [["X"], ["Y"]]
    assert {board.aggregation for board in boards} == {"mean_of_kinds", "pooled"}


def test_the_same_method_of_two_sources_is_two_rows():
    (board,) = boards_of(row(), row(source="another paper", value=0.8))
    assert [(r.rank, r.origin.source) for r in board.rows] == [(1, "s"), (2, "another paper")]
