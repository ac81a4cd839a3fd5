"""What an image costs when its code is searched for (anogan) and when it is encoded (fanogan), measured in turn.

    python benchmarks/searching_or_encoding.py [--images 4] [--iterations 500] [--size 64] [--width 64] [--repeats 3]

The weights are random: what a score costs does not depend on them. Both methods score the same images with networks of
the same shape, alternately, in one process. Prints the median of each per image, the ratio, and the machine.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from typing import Any

import torch

import bench.plugins  # noqa: F401 - makes the methods importable
from bench import registry
from bench.contracts import ImageShape


def main() -> None:
    """Score the images with either method, `repeats` times over."""
    options = _options()
    torch.manual_seed(0)
    device = torch.device(options.device)
    images = (torch.rand(options.images, 1, options.size, options.size) * 2 - 1).to(device)
    shared = {"width": options.width, "latent_dim": 128}
    methods = {
        "fanogan": _untrained("fanogan", options.size, device, shared),
        f"anogan, {options.iterations} steps": _untrained(
            "anogan", options.size, device, {**shared, "iterations": options.iterations}
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in methods}
    methods["fanogan"].score(images)  # once, for what is set up at first use
    for _ in range(options.repeats):
        for name, detector in methods.items():
            times[name].append(_seconds(detector, images) / len(images))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:<24} {seconds * 1000:10.2f} ms per image")
    encoded, searched = medians.values()
    print(f"{'searching / encoding':<24} {searched / encoded:10.0f} x")
    print(
        f"{options.images} images of {options.size}x{options.size}, width {options.width}, {_machine(device)},"
        f" torch {torch.__version__}, {torch.get_num_threads()} thread(s), median of {options.repeats}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("images", 4), ("iterations", 500), ("size", 64), ("width", 64), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def _untrained(method: str, size: int, device: torch.device, values: dict[str, Any]) -> Any:  # noqa: ANN401
    cls, params = registry.load_method(method)
    detector: Any = cls(params.model_validate(values))
    detector.build(ImageShape(1, size))
    weights = {name: value.clone() for name, value in _weights(detector).items()}
    detector.restore(weights, ImageShape(1, size), device)
    return detector


def _weights(detector: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401
    detector.seed = 0
    return dict(detector.weights())


def _seconds(detector: Any, images: torch.Tensor) -> float:  # noqa: ANN401
    start = time.perf_counter()
    detector.score(images).image.cpu()  # waits for a GPU to be done
    return time.perf_counter() - start


def _machine(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU"


if __name__ == "__main__":
    main()
