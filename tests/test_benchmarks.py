"""The benchmarks run, print what they promise, and compare ways that agree. How fast they are, no test asks."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def printed(script, *arguments):
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


@pytest.mark.slow
def test_au_spro_prints_ratios_of_ways_that_agree():
    table, differences = printed("au_spro.py", "--images=8", "--height=96", "--width=128", "--repeats=1").split(
        "Ratios"
    )
    rows = {line[:34].strip(): line[34:] for line in table.splitlines() if " x " in line[34:]}
    assert set(rows) == {
        "measure, no intervals",
        "measure, 1000 resamples",
        "AU-sPRO, refined, one thread",
        "AU-sPRO, refined, every core",
        "AU-PRO, binned",
    }
    assert all(len(re.findall(r"[0-9.]+ x", row)) == 2 for row in rows.values())
    largest = [float(line.split()[-1]) for line in differences.splitlines()[1:]]
    assert len(largest) == len(rows)
    assert max(largest) < 1e-3
    assert (
        min(largest[2:]) > 0
    )  # the yardsticks are approximations: were they equal, something would be compared with itself


def test_au_spro_refuses_too_few_images():
    command = [sys.executable, str(BENCHMARKS / "au_spro.py"), "--images=3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--images 4 or more" in done.stderr


def test_scoring_is_held_against_a_textbook_and_a_search():
    sizes = ("--width=4", "--batches=1,2", "--iterations=20", "--repeats=1", "--threads=1")
    out = printed("scoring.py", *sizes)
    rows = re.findall(r"^ +([12]) +[0-9.]+ img/s +[0-9.]+ img/s +([0-9.]+) x +[0-9]+ ms/img +([0-9]+) x$", out, re.M)
    assert [int(batch) for batch, *_ in rows] == [1, 2]
    assert all(int(searched) > 1 for *_, searched in rows)
    assert "width 4, float32" in out


@pytest.mark.slow
def test_training_is_held_against_a_textbook():
    out = printed("training.py", "--width=2", "--batch=4", "--iterations=2", "--repeats=1", "--threads=1")
    assert re.search(r"^textbook +[0-9.]+ iterations/s", out, re.M)
    assert re.search(r"^ours float32 +[0-9.]+ iterations/s +[0-9.]+ x ", out, re.M)
    assert "width 2, batch 4, " in out


@pytest.mark.slow
def test_grids_print_what_a_process_costs_and_what_a_second_worker_saves():
    text = printed("grids.py", "--runs=2", "--equal=2")
    for kind in ("wall", "processor"):
        assert re.search(
            rf"{kind}: [\d.]+ s, [\d.]+ s; a process costs -?[\d.]+ s by run, imports [\d.]+ s of it", text
        )
    assert len(re.findall(r"[+-][\d.]+ s beyond them", text)) == 2
    assert re.search(r"2 equal runs: [\d.]+ s on one worker, [\d.]+ s on two, ratio [\d.]+", text)


@pytest.mark.slow
def test_scale_prints_what_listing_planning_and_ranking_cost():
    text = printed("scale.py", "--methods=3", "--datasets=2", "--seeds=2", "--images=20", "--repeats=1")
    assert "writing 12 records" in text
    rows = re.findall(r"^(\w.+?) +[\d.]+ s +[\d.]+ s +([\d.]+) MB$", text, re.M)
    assert len(rows) >= 3
    assert all(float(megabytes) > 10 for _, megabytes in rows)


@pytest.mark.slow
def test_many_images_prints_what_an_image_more_costs(tmp_path):
    text = printed("many_images.py", "--images=400", "--folder", str(tmp_path))
    rows = re.findall(r"^(\w[\w -]+?) +400 .+ µs, -?\d+ bytes in memory, -?\d+ on disk$", text, re.M)
    assert len(rows) == 3
