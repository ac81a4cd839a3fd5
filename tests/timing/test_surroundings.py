"""Whether others at work are noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
import torch

from bench.timing.surroundings import Watched, crowded, flags, watching

CPU = torch.device("cpu")


def test_a_busy_process_beside_is_noticed():
    forever = "print('up', flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", forever], stdout=subprocess.PIPE) as busy:
        assert busy.stdout
        busy.stdout.readline()
        with watching(CPU) as watched:
            time.sleep(1.0)
        busy.kill()
    assert watched.others is not None
    assert watched.others > 0.2 / (os.cpu_count() or 1)  # of the one core that it keeps busy
    assert watched.gpu_processes is None


def test_one_process_on_the_gpu_is_enough():
    assert not Watched().is_contended
    assert not Watched(others=0.0, gpu_processes=0).is_contended
    assert Watched(others=0.0, gpu_processes=1).is_contended
    assert Watched(others=1.0).is_contended


@pytest.mark.parametrize(
    ("others", "cores", "own", "is_crowded"),
    [
        (0.04, 2, 1, False),  # 0.08 cores: a system at rest
        (0.06, 2, 1, True),
        (1 / 64, 64, 64, True),  # one core taken of all that are used
        (1 / 64, 64, 8, False),
        (0.06, 64, 8, True),  # others at this scale share memory and clocks
        (0.001, 64, 64, False),
    ],
)
def test_crowded_is_who_has_less_than_was_meant_for_it(others, cores, own, is_crowded):
    assert crowded(others, cores, own) == is_crowded


def test_flags_name_threads_and_autocast():
    assert flags(CPU)["threads"] == torch.get_num_threads()
    assert flags(CPU)["autocast"] is None
    with torch.autocast("cpu", torch.bfloat16):
        assert flags(CPU)["autocast"] == "torch.bfloat16"
