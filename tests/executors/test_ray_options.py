"""What is asked of Ray, and what is refused before anything is handed over."""

from __future__ import annotations

import importlib.util
import socket
import sys

import pytest

from bench.errors import ConfigError
from bench.executors import make_executor, make_options, require_leavable
from bench.executors.ray_cluster import Node, needed

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs ray")


def test_options_that_slurm_has_too_mean_the_same():
    values = {"cpus": 4, "memory": "32G", "timeout": "90s", "grace": "2m", "max_parallel": 8, "gpus": 1}
    shared = set(values)
    ray, slurm = make_options("ray", values), make_options("slurm", values)
    assert ray.model_dump(include=shared) == slurm.model_dump(include=shared)
    assert ray.brings_gpu


@pytest.mark.parametrize(("memory", "size"), [("512", 512 * 2**20), ("3K", 3072), ("32G", 32 * 2**30), (None, None)])
def test_memory_in_bytes(memory, size):
    assert make_options("ray", {"memory": memory}).bytes_of_memory == size


@pytest.mark.parametrize("values", [{"gpus": "half"}, {"memory": "lots"}, {"partition": "gpu"}, {"time": "4h"}])
def test_unusable_options_are_refused(values):
    with pytest.raises(ConfigError):
        make_options("ray", values)


@pytest.mark.parametrize(
    ("has", "runs"),
    [
        ({"CPU": 16.0, "GPU": 3.0, "memory": 100 * 2**30}, 3),
        ({"CPU": 16.0, "GPU": 8.0, "memory": 64 * 2**30}, 2),
        ({"CPU": 7.0, "GPU": 8.0, "memory": 640 * 2**30}, 1),
        ({"CPU": 16.0, "memory": 640 * 2**30}, 0),
    ],
)
def test_a_node_has_room_for_what_its_scarcest_resource_allows(has, runs):
    assert Node("n", has).room_for(needed(make_options("ray", {"gpus": 1, "cpus": 4, "memory": "32G"}))) == runs


def test_without_ray_the_error_says_what_to_install(monkeypatch, silent):
    monkeypatch.setitem(sys.modules, "ray", None)  # as Python marks a module that cannot be imported
    with pytest.raises(ConfigError, match=r"pip install 'fanogan-bench\[ray\]'"):
        make_executor("ray", {}, "cpu", 3, silent)


@needs_ray
def test_a_head_that_does_not_answer_is_told_with_how_to_start_one(silent):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=rf"no Ray cluster at --address {address}.*ray start --head"):
            make_executor("ray", {"address": address}, "cpu", 3, silent)


@needs_ray
@pytest.mark.parametrize("address", ["ray://head:10001", "local", "head"])
def test_an_address_of_another_kind_is_refused(silent, monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ConfigError, match="Expected --address HOST:PORT or auto"):
        make_executor("ray", {}, "cpu", 3, silent)


def test_a_gpu_by_name_needs_one_from_the_cluster(silent):
    with pytest.raises(ConfigError, match="add --gpus 1"):
        make_executor("ray", {}, "cuda", 3, silent)


@pytest.mark.parametrize("name", ["local", "serial", "ray"])
def test_only_a_cluster_that_goes_on_by_itself_can_be_left(name):
    with pytest.raises(ConfigError, match=r"end with the command.*--executor slurm"):
        require_leavable(name)
    require_leavable("slurm")
