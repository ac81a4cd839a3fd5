"""What ``--out`` names and cannot be written is told in a line, by every command that has it."""

from __future__ import annotations

import shlex
import sys

import pytest
from site_records import write_run
from timing.timings import measured, timing

from bench import cli
from bench.timing.record import write_timing

FILES = {
    "leaderboard": ("leaderboard", "--dataset", "toy", "--format", "csv"),
    "timings": ("leaderboard", "--timing", "--format", "csv"),
    "figure": ("plot", "roc", "--dataset", "toy"),
}
FOLDERS = {
    "report": ("report",),
    "maps": ("export", "maps", "KEY"),
    "records": ("export", "records"),
}


@pytest.fixture
def bench(monkeypatch, capsys, store):
    """Call the command line on one finished run; returns (exit status, standard output, standard error)."""
    record = write_run(store, "alpha", data_root="/data/of $mine")
    write_timing(store.root, timing(measured()))

    def call(*arguments):
        words = [record.key if word == "KEY" else str(word) for word in arguments]
        monkeypatch.setattr(sys, "argv", ["bench", *words, "--results", str(store.root)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code or 0, *capsys.readouterr()

    return call


@pytest.fixture
def file(tmp_path):
    """A file where a folder is expected: this holds for root too, whom permissions do not stop."""
    (tmp_path / "file").write_text("in the way")
    return tmp_path / "file"


@pytest.mark.parametrize("command", FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_written(bench, file, command):
    out = file / "new.csv" if "plot" not in command else file / "new.svg"
    status, said, err = bench(*command, "--out", out)
    assert (status, said) == (2, "")
    assert f"bench: {out} cannot be written ([Errno " in err
    assert err.endswith("Choose another: --out FILE.\n")
    assert file.read_text() == "in the way"


@pytest.mark.parametrize("command", FOLDERS.values(), ids=FOLDERS)
def test_a_folder_that_cannot_be_written(bench, file, command):
    status, said, err = bench(*command, "--out", file / "new")
    assert (status, said) == (2, "")
    assert f"bench: {file / 'new'} cannot be written ([Errno " in err
    assert err.endswith("Choose another: --out DIR.\n")
    assert file.read_text() == "in the way"


def test_a_folder_of_boards_that_cannot_be_written(bench, file):
    status, said, err = bench("leaderboard", "--all", "--out", file)
    assert (status, said) == (2, "")
    assert f"bench: {file} cannot be written ([Errno " in err
    assert err.endswith("Choose another: --out DIR.\n")


def test_the_command_that_measures_exported_maps_again_can_be_pasted(bench, tmp_path):
    out = tmp_path / "two words"
    _, said, _ = bench("export", "maps", "KEY", "--out", out)
    assert shlex.split(said) == [
        "bench", "evaluate", "--dataset", "toy", "--data-root", "/data/of $mine", "--maps", str(out),
        "--scores", str(out / "scores.csv"),
    ]  # fmt: skip


def test_a_board_is_written_whole_or_not_at_all(bench, tmp_path):
    """It takes the place of the earlier one in one move: whoever has that open keeps reading it to its end."""
    out = tmp_path / "board.csv"
    out.write_text("earlier")
    with out.open() as reader:
        status, _, _ = bench(*FILES["leaderboard"], "--out", out)
        assert reader.read() == "earlier"
    assert status == 0
    assert "alpha" in out.read_text()
    assert [path.name for path in tmp_path.iterdir() if "board" in path.name] == ["board.csv"]
