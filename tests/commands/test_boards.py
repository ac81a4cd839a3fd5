"""``bench leaderboard`` and ``bench compare`` as a user meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from made_records import make
from timing.timings import SPEC, measured, timing

from bench import cli
from bench.timing.record import write_timing


@pytest.fixture
def bench(monkeypatch, capsys, store):
    """Call the command line in this process; returns (exit status, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments), "--results", str(store.root)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return call


def test_a_board_of_published_rows_needs_no_run(bench):
    status, out, err = bench("leaderboard", "--dataset", "lag")
    assert (status, err) == (0, "")
    assert "0.778" in out
    assert "published figures only" in out


def test_neither_command_imports_torch(store):
    make(store, "a")
    make(store, "b", noise=4)
    code = f"""
import sys
from typer.testing import CliRunner
from bench.cli import app
for command in (["leaderboard", "--dataset", "toy"], ["compare", "a", "b", "--dataset", "toy"]):
    done = CliRunner().invoke(app, [*command, "--results", {str(store.root)!r}])
    assert done.exit_code == 0, done.output
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_marks_stand_above_every_board(bench, store):
    make(store, preset="quick", synthetic=True)
    status, out, _ = bench("leaderboard", "--dataset", "toy")
    assert status == 0
    assert "(quick, synthetic)" in out


@pytest.mark.parametrize("name", ["markdown", "latex", "csv", "json", "html"])
def test_a_file_holds_what_standard_output_shows(bench, store, tmp_path, name):
    make(store)
    _, shown, _ = bench("leaderboard", "--dataset", "toy", "--format", name)
    status, out, _ = bench("leaderboard", "--dataset", "toy", "--format", name, "--out", tmp_path / "new" / "file")
    assert (status, out) == (0, "")
    assert (tmp_path / "new" / "file").read_text() == shown


@pytest.mark.parametrize("name", ["terminal", "markdown", "latex", "csv", "json", "html"])
def test_a_file_of_timings_holds_what_standard_output_shows(bench, store, tmp_path, name):
    for spec in (SPEC, replace(SPEC, view="resize:64")):
        write_timing(store.root, timing(measured(), spec=spec).model_copy(update={"key": spec.key}))
    _, shown, _ = bench("leaderboard", "--timing", "--format", name)
    status, out, _ = bench("leaderboard", "--timing", "--format", name, "--out", tmp_path / "new" / "file")
    assert (status, out) == (0, "")
    written = (tmp_path / "new" / "file").read_text()
    assert [line.rstrip() for line in shown.splitlines()] == written.splitlines()
    assert written.count("| --- |") == 2 * (name == "markdown")


def test_all_prints_the_files_it_wrote(bench, store, tmp_path):
    make(store)
    status, out, _ = bench("leaderboard", "--all", "--out", tmp_path)
    assert status == 0
    assert str(tmp_path / "toy-auroc.md") in out.splitlines()


def test_a_bad_record_is_a_line_on_standard_error(bench, store):
    make(store)
    (make(store, "b").folder / "record.json").write_text("{")
    status, out, err = bench("leaderboard", "--dataset", "toy")
    assert status == 0
    assert "toy: AUROC" in out
    assert err.startswith("left out: ")
    assert "record.json cannot be read" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("leaderboard",), "Expected --dataset NAME"),
        (("leaderboard", "--all"), "Expected --all --out DIR"),
        (("leaderboard", "--dataset", "toys"), "Did you mean toy"),
        (("leaderboard", "--dataset", "toy", "--metric", "au_spro"), "Did you mean au_spro@"),
        (("leaderboard", "--dataset", "toy", "--format", "htm"), "Did you mean html"),
        (("leaderboard", "--timing", "--format", "htm"), "Did you mean html"),
        (("leaderboard", "--timing", "--metric", "auroc"), "found --metric. "),
        (("leaderboard", "--timing", "--all", "--no-published"), "found --all, --no-published. "),
        (("leaderboard", "--timing", "--preset", "paper"), "No timing under preset paper"),
        (("compare", "a", "--dataset", "toy"), "two or more different methods"),
        (("compare", "a", "b", "--dataset", "toy"), "Unknown method"),
        (("compare", "a", "b", "--dataset", "oct"), "Unknown data set"),
    ],
)
def test_what_is_refused(bench, store, arguments, message):
    make(store)
    status, _, err = bench(*arguments)
    assert status == 2
    assert message in err
    assert "Traceback" not in err


def test_a_comparison_as_table_and_as_json(bench, store):
    make(store, "a", strength=3.0)
    make(store, "b", strength=0.1, noise=4)
    status, out, _ = bench("compare", "a", "b", "--dataset", "toy")
    assert status == 0
    assert "separated at 5 %" in out
    _, out, _ = bench("compare", "a", "b", "--dataset", "toy", "--json")
    read = json.loads(out)
    assert read["pairs"][0]["adjusted_p"] < 0.001
    assert read["pairs"][0]["difference"]["effect"] > 0
