"""Reading published results: rows of one's own, and every kind of damage with its line."""

from __future__ import annotations

import csv

import pytest

from bench.boards.published import COLUMNS, read
from bench.errors import DataError

GOOD = dict.fromkeys(COLUMNS, "") | {
    "dataset": "toy", "protocol": "theirs", "comparable_with": "ours | ours, cropped", "metric": "auroc",
    "aggregation": "pooled", "method": "m", "value": "0.5", "ranked": "yes", "year": "2020", "source": "s",
    "confidence": "high",
}  # fmt: skip


def write(path, *lines):
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(GOOD | line for line in lines)
    return path


def test_a_file_of_ones_own(tmp_path):
    (row,) = read(write(tmp_path / "own.csv", {"sd": "0.01", "category": "c"}))
    assert row.comparable_with == ("ours", "ours, cropped")
    assert (row.value, row.sd, row.category, row.kind, row.ranked) == (0.5, 0.01, "c", None, True)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"value": "64.2"}, "value: .*found '64.2'"),
        ({"value": "nan"}, "value: .*found 'nan'"),
        ({"value": ""}, "value: "),
        ({"sd": "-0.1"}, "sd: "),
        ({"metric": "auc"}, "metric: .*'auroc'.*found 'auc'"),
        ({"ranked": "maybe"}, "ranked: .*found 'maybe'"),
        ({"confidence": "low (recalled)"}, "confidence: "),
        ({"year": "21"}, "year: "),
        ({"dataset": ""}, "dataset: "),
        ({"kind": "dent"}, "either a kind or an aggregation"),
        ({"aggregation": ""}, "either a kind or an aggregation"),
        ({"comparable_with": ""}, "comparable_with"),
        ({"ranked": "no"}, "note"),
    ],
)
def test_a_damaged_row_is_named_with_its_line(tmp_path, cells, expected):
    file = write(tmp_path / "own.csv", {}, cells, {})
    with pytest.raises(DataError, match=rf"1 line\(s\) of .*own\.csv cannot be used:\n  line 3: .*{expected}"):
        read(file)


def test_all_damaged_rows_are_named_at_once(tmp_path):
    file = write(tmp_path / "own.csv", {"value": "2"}, {}, {"metric": "?"})
    with file.open("a", encoding="utf-8") as stream:
        stream.write("toy,1\n")
    with pytest.raises(DataError, match=r"(?s)3 line\(s\).*line 2: .*line 4: .*line 5: expected 16 cells"):
        read(file)


@pytest.mark.parametrize("text", ["", "dataset,value\n", '"'])
def test_another_file_is_refused(tmp_path, text):
    file = tmp_path / "other.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"other\.csv.*expected"):
        read(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        read(tmp_path / "nowhere.csv")
