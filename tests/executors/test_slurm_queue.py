"""What Slurm's answers are taken for: a program in the place of ``scontrol`` gives them, as the real one words them."""

from __future__ import annotations

import os

import pytest

from bench.executors.slurm_queue import UnreachableError
from bench.executors.slurm_submission import Submission

REFUSALS = [
    "slurm_load_jobs error: Protocol authentication error",
    "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
    "slurm_load_jobs error: Access/permission denied",
    "error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host",
]


@pytest.fixture
def scontrol_refuses(tmp_path, monkeypatch):
    """Tell ``scontrol`` what to refuse every question with."""

    def refuse(words):
        file = tmp_path / "bin" / "scontrol"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")

    return refuse


@pytest.fixture
def submission(tmp_path):
    folder = tmp_path / "20260101-000000-abcdef"
    folder.mkdir()
    return Submission(folder, "7", ("0123456789abcdef",), "2026-01-01")


@pytest.mark.parametrize("words", REFUSALS)
def test_a_refusal_never_means_that_the_tasks_are_over(scontrol_refuses, submission, words):
    scontrol_refuses(words)
    with pytest.raises(UnreachableError, match=words.partition("(")[0]):
        submission.active()
    assert list(submission.folder.iterdir()) == []


def test_an_array_that_slurm_does_not_know_is_over(scontrol_refuses, submission):
    scontrol_refuses("slurm_load_jobs error: Invalid job id specified")
    assert submission.active() == {}
    assert (submission.folder / "over").exists()
