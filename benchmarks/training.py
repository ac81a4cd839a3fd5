"""Generator iterations per second (five steps of the critic each): this project's training against a textbook's.

    python benchmarks/training.py [--width 64] [--batch 16] [--iterations 4] [--repeats 3] [--device cpu] [--threads 2]
                                  [--precision float32,tf32,bf16]

The defaults take about five minutes on two processor cores; on a GPU take ``--batch 64 --iterations 20``.

Same networks at 64x64x1, in processes of their own, in turn; medians over iterations, then over processes. The
textbook (benchmarks/textbook.py) is float32 as torch comes: on a GPU its convolutions compute in TF32. Ours is bound to
deterministic convolutions, as runs are. It is timed by its own training log, referee included. First
both are given the same weights and must give the same images and judgements. Floating point operations are those of
the textbook's networks, counted by torch; the matrix product is measured in every process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import textbook
import torch
from bench.plugins.methods.networks import resnet
from bench.plugins.methods.training import wgan_gp
from stopwatch import machine, seconds

import bench.plugins  # noqa: F401 - makes the methods importable
from bench.precision import PRECISIONS, computing_in
from bench.progress import reporter
from bench.records.stages import StageStore
from bench.stopping import StopRequest
from bench.timing.operations import matrix_rate, operations_of
from bench.training.services import RunContext, read_rows

SIZE, LATENT_DIM, IMAGES = 64, 128, 512
WARM_UP = {"cpu": 1, "cuda": 5}
"""Iterations that are not counted; on a GPU steps are replayed from graphs by then."""
TEXTBOOK = "textbook"


def main() -> None:
    """Run both sides in turn, or one side where this process was started for it."""
    options = _options()
    torch.set_num_threads(options.threads)
    if options.side:
        print(json.dumps(_one_side(options)))
        return
    _require_same_networks(options.width)
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in (TEXTBOOK, *options.precision)}
    for repeat in range(options.repeats):
        for side in runs:
            runs[side].append(_in_a_process(side))
            print(f"{side}, {repeat + 1} of {options.repeats}: {runs[side][-1]['seconds']:.3f} s", file=sys.stderr)
    _report(options, runs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("width", 64), ("batch", 16), ("iterations", 4), ("repeats", 3), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default=["float32"], type=lambda text: text.split(","))
    parser.add_argument("--side", choices=(TEXTBOOK, *PRECISIONS), help=argparse.SUPPRESS)
    return parser.parse_args()


def _require_same_networks(width: int) -> None:
    pairs = (
        (resnet.Generator(SIZE, 1, LATENT_DIM, width), textbook.Generator(LATENT_DIM, width), (2, LATENT_DIM)),
        (resnet.Critic(SIZE, 1, width), textbook.Down(1, width, False), (2, 1, SIZE, SIZE)),
    )
    for ours, theirs, shape in pairs:
        resnet.initialise(ours, torch.Generator().manual_seed(0))
        theirs.load_state_dict(ours.state_dict())
        x = torch.randn(shape)
        assert torch.allclose(ours(x), theirs(x), atol=1e-3), "the two sides are not the same networks"


def _in_a_process(side: str) -> dict[str, float]:
    command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def _one_side(options: argparse.Namespace) -> dict[str, float]:
    device = torch.device(options.device)
    images = torch.rand(IMAGES, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    warm_up = WARM_UP[device.type]
    if options.side == TEXTBOOK:
        training = textbook.Training(images, LATENT_DIM, options.width, options.batch, device)
        taken = [seconds(training.iteration, device) for _ in range(warm_up + options.iterations)]
        operations = operations_of(training.iteration)
        with computing_in("tf32" if device.type == "cuda" else "float32", device):
            rate = matrix_rate(device)  # as its convolutions compute
        return {"seconds": statistics.median(taken[warm_up:]), "operations": operations, "rate": rate}
    with computing_in(options.side, device):
        taken = _our_seconds(images, options, warm_up + options.iterations, device)
        return {"seconds": statistics.median(taken[warm_up:]), "rate": matrix_rate(device)}


def _our_seconds(
    images: torch.Tensor, options: argparse.Namespace, iterations: int, device: torch.device
) -> list[float]:
    params = wgan_gp.GanParams(
        width=options.width, latent_dim=LATENT_DIM, batch_size=options.batch,
        generator_steps=iterations,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        context = RunContext(device, 0, root, StageStore(root), {}, reporter(), StopRequest(), {})
        wgan_gp.train_gan(OnDevice(images.to(device)), params, context)
        ends = [row["seconds"] for row in read_rows(root)]
    return [end - start for start, end in zip([0.0, *ends], ends, strict=False)]


@dataclass(frozen=True)
class OnDevice:
    """Images as the referee hands them to a method when all of them fit on the device."""

    images: torch.Tensor
    channels: int = 1
    size: int = SIZE

    def draw(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """As ``bench.views.ResizedImages`` draws."""
        return self.images[torch.randint(len(self.images), (n,), generator=generator, device=self.images.device)]


def _report(options: argparse.Namespace, runs: dict[str, list[dict[str, float]]]) -> None:
    taken = {side: statistics.median(run["seconds"] for run in runs[side]) for side in runs}
    operations = runs[TEXTBOOK][0]["operations"]
    for side in runs:
        rate, done = statistics.median(run["rate"] for run in runs[side]), operations / taken[side]
        name = TEXTBOOK if side == TEXTBOOK else f"ours {side}"
        print(
            f"{name:<13} {1 / taken[side]:8.3f} iterations/s  {taken[TEXTBOOK] / taken[side]:5.2f} x"
            f"  {done / 1e9:8.0f} GFLOP/s of the textbook's operations,"
            f" {done / rate:.0%} of a matrix product ({rate / 1e9:.0f} GFLOP/s)"
        )
    settings = ", ".join(f"{name} {getattr(options, name)}" for name in ("width", "batch"))
    print(f"{operations / 1e9:.0f} GFLOP per iteration, 64x64x1, {settings}, {machine(torch.device(options.device))}")


if __name__ == "__main__":
    main()
