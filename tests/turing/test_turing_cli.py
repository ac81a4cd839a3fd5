"""``bench turing RUN`` and ``bench turing score`` as they are typed."""

from __future__ import annotations

import json
import sys

import pytest

from bench import cli

from .ballots import ballot, write


@pytest.fixture
def turing(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", "turing", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return call


def test_a_quiz_is_made_by_key_or_folder_with_or_without_the_word(trained, turing, tmp_path):
    store, record = trained
    pages = []
    for i, words in enumerate([(record.key[:8],), ("make", record.folder), ("--seed", 0, record.key)]):
        out = tmp_path / f"quiz{i}.html"
        status, said, _ = turing(*words, "--n", 12, "--out", out, "--results", store.root)
        assert status == 0
        assert "quick, synthetic" in said
        assert "6 generated, 6 real: normal test images" in said
        assert "24 of each kind, cross-validated, groups kept whole" in said
        pages.append(out.read_text())
    assert pages[0] == pages[1] == pages[2]


def test_a_quiz_in_json(trained, turing, tmp_path):
    store, record = trained
    status, said, _ = turing(record.key, "--n", 4, "--out", tmp_path / "q.html", "--results", store.root, "--json")
    found = json.loads(said)
    assert status == 0
    assert (found["run"], found["images"], found["marks"]) == (record.key, 4, ["quick", "synthetic"])
    assert all(0 <= each["accuracy"]["share"] <= 1 for each in found["classifiers"])


def test_a_page_that_cannot_be_written_is_told(trained, turing, tmp_path):
    store, record = trained
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "quiz.html"
    status, said, err = turing(record.key, "--n", 4, "--out", out, "--results", store.root)
    assert (status, said) == (2, "")
    assert f"bench: {out} cannot be written ([Errno " in err
    assert err.endswith("Choose another: --out FILE.\n")


@pytest.mark.parametrize(("words", "reason"), [(("--n", 7), "even number"), (("--n", 98), "found 24 normal")])
def test_numbers_that_cannot_be(trained, turing, tmp_path, words, reason):
    store, record = trained
    status, _, said = turing(record.key, *words, "--out", tmp_path / "q.html", "--results", store.root)
    assert status == 2
    assert reason in said


def test_a_run_that_is_not_there(turing, store):
    status, _, said = turing("abc", "--results", store.root)
    assert status == 2
    assert "Unknown run 'abc'" in said


def test_raters_are_scored(turing, tmp_path):
    files = write(tmp_path, ballot("gggrrrrr", "[Ada]"), ballot("grgrrggr", "Bob"), ballot("gr", "Cem"))
    status, said, _ = turing("score", *files)
    assert status == 0
    assert "[Ada]" in said
    assert "0.625" in said
    assert "Fleiss' kappa" in said
    assert "on 2 images that all judged" in said
    assert "unfinished: 1 (Cem)" in said
    status, said, _ = turing("score", *files, "--json")
    assert json.loads(said)["pooled"]["accuracy"]["correct"] == 5 + 8 + 2


def test_damaged_files_end_with_a_message(turing, tmp_path):
    status, _, said = turing("score", *write(tmp_path, "{}"))
    assert status == 2
    assert "cannot be read as the verdicts of a rater" in said
