"""Saved files: read as they are, refused with a reason where they are not what a page saved."""

from __future__ import annotations

import json

import pytest

from bench.errors import DataError
from bench.turing.verdicts import read_verdicts

from .ballots import TRUTH, ballot, write


def test_the_truth_comes_out_of_the_seal(tmp_path):
    (file,) = read_verdicts(write(tmp_path, ballot("grgrrggr")))
    assert file.is_finished
    assert [file.truth()[f"image{i}"] == "generated" for i in range(len(TRUTH))] == TRUTH


def with_verdict(**changes):
    content = ballot("grg")
    content["verdicts"][1] |= changes
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "cannot be read"),
        (json.dumps(ballot("grg"))[:-20], "cannot be read"),
        ("[1, 2]", "cannot be read"),
        (ballot("grg", format="else"), "format"),
        (ballot(""), "verdicts"),
        (ballot("grg", rater=""), "rater"),
        (ballot("grg", sealed="00" * 16), "sealed answers do not belong"),
        (ballot("grg", images=["image0", "image1", "image2"]), "expected 3 sealed answers, found 8"),
        (with_verdict(verdict="maybe"), r"verdicts\.1\.verdict"),
        (with_verdict(confidence=4), r"verdicts\.1\.confidence"),
        (with_verdict(seconds=-1), r"verdicts\.1\.seconds"),
        (with_verdict(image="image0"), "image0 was judged twice"),
        (with_verdict(image="image9"), "image9 is not in the quiz"),
        (with_verdict(truth="generated"), "truth of image image1 is not the quiz's"),
        (with_verdict(more=1), r"verdicts\.1\.more"),
    ],
)
def test_damaged_files_are_named_with_what_is_wrong(tmp_path, content, reason):
    files = write(tmp_path, content)
    with pytest.raises(DataError, match=reason) as error:
        read_verdicts(files)
    assert str(files[0]) in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_verdicts([tmp_path / "none.json"])
    with pytest.raises(DataError, match="found none"):
        read_verdicts([])


def test_quizzes_are_not_mixed(tmp_path):
    files = write(tmp_path, ballot("grg"), ballot("grg", "Bob", quiz="another"))
    with pytest.raises(DataError, match=r"(?s)1 file\(s\) of another quiz.*turing-1\.json \(quiz another\)"):
        read_verdicts(files)


def test_a_rater_counts_once(tmp_path):
    files = write(tmp_path, ballot("grg", "Ada"), ballot("grr", "Bob"), ballot("ggg", " ada "))
    with pytest.raises(DataError, match=r"(?s)twice.*turing-0\.json.*turing-2\.json"):
        read_verdicts(files)
