"""What a large data set costs: the image cache, image-level metrics, and streamed pixel metrics, by image.

    python benchmarks/many_images.py                    # 100,000 images; minutes
    python benchmarks/many_images.py --images 2000      # a smoke test

Each part runs in a process of its own, at the given number of images and at half of it: what grows with the number is
the difference between the two. Images and maps are made up in memory, so that neither decoding nor the disk they would
be read from is in the figures; ``--folder`` says where the cache is written.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

SIZE = 64
"""Height and width of an image and its map."""


def main() -> None:
    options = _options()
    if options.part:
        print(*_measured(options.part, options.images, options.folder))
        return
    print(
        f"{'':<12} {'images':>8} {'wall':>8} {'processor':>9} {'peak':>8} {'on disk':>9}   by image, of the second half"
    )
    for part in PARTS:
        _print_part(part, options)
    load = f"load {os.getloadavg()[0]:.1f}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, {load}, Python {platform.python_version()}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Cost of caching and measuring many images.")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the cache is written; default: the system's temporary one")
    parser.add_argument("--part", choices=list(PARTS), help="measure this alone, in this process")
    return parser.parse_args()


def _print_part(part: str, options: argparse.Namespace) -> None:
    half, whole = (_in_a_process(part, images, options.folder) for images in (options.images // 2, options.images))
    wall, processor, peak, disk = whole
    print(
        f"{part:<12} {options.images:>8} {wall:>6.1f} s {processor:>7.1f} s {peak:>5.0f} MB {disk:>6.0f} MB", end="   "
    )
    more = options.images - options.images // 2
    by_image = [(w - h) / more for w, h in zip(whole, half, strict=True)]
    print(
        f"{by_image[1] * 1e6:.0f} µs, {by_image[2] * 1e6:.0f} bytes in memory, {by_image[3] * 1e6:.0f} on disk",
        flush=True,
    )


def _in_a_process(part: str, images: int, folder: Path | None) -> list[float]:
    where = ["--folder", str(folder)] if folder else []
    command = [sys.executable, __file__, "--part", part, "--images", str(images), *where]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return [float(word) for word in done.stdout.split()]


def _measured(part: str, images: int, folder: Path | None) -> tuple[float, float, float, float]:
    """Seconds on the clock and of the processor, MB in memory at most, MB on disk."""
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        os.environ["BENCH_CACHE"] = cache
        work = PARTS[part](images)
        start, before = time.perf_counter(), time.process_time()
        work()
        seconds = time.perf_counter() - start, time.process_time() - before
        disk = sum(file.stat().st_size for file in Path(cache).rglob("*") if file.is_file())
    return *seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, disk / 1e6


def _cache(images: int) -> Callable[[], object]:
    """Four fifths to learn from, the rest to test on; no two are alike."""
    import numpy as np

    from bench.contracts import Sample, Split
    from bench.images import cached_images

    noise = np.random.default_rng(0).integers(256, size=(SIZE, SIZE), dtype=np.uint8)

    def read(i: int) -> np.ndarray:
        image = noise.copy()
        image.reshape(-1)[:4] = np.frombuffer(i.to_bytes(4, "big"), np.uint8)
        return image

    def part(name: str, numbers: range) -> tuple[Sample, ...]:
        return tuple(
            Sample(f"{name}/{i:08d}", i % 2 if name == "test" else 0, "good", partial(read, i), f"{i:064x}")
            for i in numbers
        )

    learnt = images * 4 // 5
    split = Split(
        part("train", range(1, learnt)), part("val", range(1)), part("test", range(learnt, images)), "made up"
    )
    return lambda: cached_images(split, 1, "made up", lambda done, total: None)


def _image_metrics(images: int) -> Callable[[], object]:
    """AUROC with its interval, average precision and decisions of half normal, half anomalous images."""
    import numpy as np

    from bench.contracts import Sample
    from bench.judging.evaluation import evaluate

    kinds = ("good", "hole")
    test = [Sample(f"{i:08d}", i % 2, kinds[i % 2], lambda: np.zeros((1, 1), np.uint8), "") for i in range(images)]
    scores = {"score": np.random.default_rng(0).normal(size=images) + np.arange(images) % 2}
    return lambda: evaluate(test, scores, scores, average_kinds=False)


def _pixel_metrics(images: int) -> Callable[[], object]:
    """Every pixel and region metric with intervals; a fifth of the images hold a defect of 36 pixels."""
    import numpy as np

    from bench.metrics.passes import Annotation, PixelImage
    from bench.metrics.pixels import measure

    noise = np.random.default_rng(0).normal(size=(16, SIZE, SIZE)).astype(np.float32)
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[20:26, 30:36] = True

    def read(i: int) -> np.ndarray:
        values = np.roll(noise[i % 16], i // 16 % SIZE, axis=1) + np.float32(i % 1000 / 1e4)
        return values + 2 * mask.astype(np.float32) if i % 5 == 0 else values

    def image(i: int) -> PixelImage:
        if i % 5:
            return PixelImage("good", True, partial(read, i))
        return PixelImage("hole", False, partial(read, i), lambda: [Annotation(mask, None)])

    listed = [image(i) for i in range(images)]
    return lambda: measure(listed, average_kinds=True, threshold=1.0)


PARTS = {"cache": _cache, "scores": _image_metrics, "pixels": _pixel_metrics}


if __name__ == "__main__":
    main()
