"""What is asked of sbatch, and what is refused before anything is submitted."""

from __future__ import annotations

import pytest

from bench.errors import ConfigError
from bench.executors import make_executor, make_options


def arguments(**values):
    return make_options("slurm", values).arguments()


def test_resources_become_arguments_of_sbatch():
    found = arguments(gpus=1, cpus=4, memory="32G", time="4h", partition="gpu", account="lab", qos="long", grace="2m")
    assert found == [
        "--ntasks=1", "--cpus-per-task=4", "--gres=gpu:1", "--mem=32G", "--time=240", "--partition=gpu",
        "--account=lab", "--qos=long", "--signal=B:TERM@120", "--requeue",
    ]  # fmt: skip


def test_minutes_are_rounded_up_and_own_arguments_come_last():
    found = arguments(time="61s", requeue=False, sbatch=["--constraint=v100"])
    assert "--time=2" in found
    assert found[-2:] == ["--no-requeue", "--constraint=v100"]


@pytest.mark.parametrize(("gpus", "brings"), [(None, False), ("0", False), ("1", True), ("a100:10", True)])
def test_a_gpu_is_there_if_asked_for(gpus, brings):
    assert make_options("slurm", {"gpus": gpus}).brings_gpu is brings


@pytest.mark.parametrize(
    "values", [{"gpus": "many"}, {"memory": "lots"}, {"time": "240"}, {"max_parallel": 0}, {"workers": 2}]
)
def test_unusable_options_are_refused(values):
    with pytest.raises(ConfigError):
        make_options("slurm", values)


@pytest.mark.parametrize("key", ["time", "timeout", "grace"])
def test_a_span_without_its_unit_names_the_one_option(key):
    with pytest.raises(ConfigError, match=f"Expected a duration after {key}, such as 90s.*found '90'"):
        make_options("slurm", {key: 90})


def test_a_machine_without_slurm_says_what_to_do(monkeypatch, tmp_path, silent):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="login node of the cluster, or take --executor local"):
        make_executor("slurm", {}, "cpu", 3, silent)
