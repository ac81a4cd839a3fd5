"""Whether others at work are noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import torch

from bench.timing.surroundings import Watched, flags, watching

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


def test_marked_from_five_per_cent_or_one_process_on_the_gpu():
    assert not Watched().is_contended
    assert not Watched(others=0.04, gpu_processes=0).is_contended
    assert Watched(others=0.06).is_contended
    assert Watched(others=0.0, gpu_processes=1).is_contended


def test_flags_name_threads_and_autocast():
    assert flags(CPU)["threads"] == torch.get_num_threads()
    assert flags(CPU)["autocast"] is None
    with torch.autocast("cpu", torch.bfloat16):
        assert flags(CPU)["autocast"] == "torch.bfloat16"
