"""Images per second of f-AnoGAN with maps against a textbook's, and what an image costs when its code is searched for.

    python benchmarks/scoring.py [--width 64] [--batches 1,16,64] [--iterations 500] [--searched 1] [--repeats 3]
                                 [--device cpu] [--threads 2] [--precision float32]

The weights are random and the same on both sides: what a score costs does not depend on them, and both must give the
same scores. The textbook computes as torch comes: on a GPU with TF32 in convolutions. All is measured in turn in one
process; medians. Of the search, ``--searched`` batches of each size are
done, ``--iterations`` steps each; images are searched in batches just as large as stated, without the filling up that
``anogan`` does on a CPU.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial

import textbook
import torch
from bench.plugins.methods import anogan, fanogan
from bench.plugins.methods.networks.parts import freeze
from bench.plugins.methods.networks.resnet import initialise
from stopwatch import machine, seconds
from torch import Tensor

import bench.plugins  # noqa: F401 - makes the methods importable
from bench.contracts import ImageShape
from bench.cuda_graphs import captured
from bench.precision import PRECISIONS, computing_in

SIZE, LATENT_DIM = 64, 128
_WARM_UP = 4  # calls and steps of a search that are not counted; on a GPU they are replayed from a graph by then
Work = Callable[[], object]


def main() -> None:
    """Score the same images in every way, `repeats` times over."""
    options = _options()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    with torch.no_grad():
        ours, theirs = _ours(options.width, device), _theirs(options.width, device)
        _give_the_same_weights(ours, theirs)
        _report(options, {batch: _measured(options, batch, ours, theirs, device) for batch in options.batches})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("width", 64), ("iterations", 500), ("searched", 1), ("repeats", 3), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--batches", type=lambda text: [int(n) for n in text.split(",")], default=[1, 16, 64])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    return parser.parse_args()


def _ours(width: int, device: torch.device) -> fanogan.Detector:
    detector = fanogan.Detector(fanogan.Params(width=width, latent_dim=LATENT_DIM))
    detector.build(ImageShape(1, SIZE))
    for name, network in detector.parts().items():
        initialise(network, torch.Generator().manual_seed(len(name)))
        freeze(network).to(device)
    return detector


def _theirs(width: int, device: torch.device) -> dict[str, torch.nn.Module]:
    made = {
        "generator": textbook.Generator(LATENT_DIM, width),
        "critic": textbook.Down(1, width, over_batch=False),
        "encoder": textbook.Down(LATENT_DIM, width, over_batch=True),
    }
    return {name: network.to(device).eval() for name, network in made.items()}


def _give_the_same_weights(ours: fanogan.Detector, theirs: dict[str, torch.nn.Module]) -> None:
    for name, network in ours.parts().items():
        theirs[name].load_state_dict(network.state_dict())
    x = _images(2, next(ours.generator.parameters()).device)
    with computing_in("float32", x.device):
        score, maps = textbook.score(**theirs, x=x)
        found = ours.score(x)
    assert found.map is not None
    assert torch.allclose(found.image, score, rtol=1e-3)
    assert torch.allclose(found.map, maps, atol=1e-3)


def _images(n: int, device: torch.device) -> Tensor:
    return (torch.rand(n, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(n)) * 2 - 1).to(device)


def _measured(
    options: argparse.Namespace,
    batch: int,
    ours: fanogan.Detector,
    theirs: dict[str, torch.nn.Module],
    device: torch.device,
) -> dict[str, float]:
    """Seconds per image of each way, at this size of batch."""
    x = _images(batch, device)

    def our_scores() -> None:
        with computing_in(options.precision, device):
            ours.score(x)

    ways: dict[str, Work] = {"textbook": partial(textbook.score, **theirs, x=x), "ours": our_scores}
    calls = max(2, 64 // batch)
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for work in ways.values():
        for _ in range(_WARM_UP + 1):
            work()
    for _ in range(options.repeats):
        for name, work in ways.items():
            measured[name] += [seconds(work, device) / batch for _ in range(calls)]
    with computing_in(options.precision, device):
        searched = [_searched(options.iterations, x, ours, device) / batch for _ in range(options.searched)]
    return {name: statistics.median(values) for name, values in {**measured, "searched": searched}.items()}


def _searched(iterations: int, x: Tensor, gan: fanogan.Detector, device: torch.device) -> float:
    detector = anogan.Detector(anogan.Params(width=gan.params.width, latent_dim=LATENT_DIM))
    detector.generator, detector.critic = gan.generator, gan.critic
    search = anogan.Search(detector, x, torch.randn(len(x), LATENT_DIM, device=device))
    step = captured(search.step, device)
    for _ in range(_WARM_UP):
        step()

    def work() -> None:
        for _ in range(iterations):
            step()

    return seconds(work, device)


def _report(options: argparse.Namespace, per_image: dict[int, dict[str, float]]) -> None:
    print(
        f"{'batch':>5}  {'textbook':>12}  {'ours':>12}  {'ours/textbook':>13}  {'searched':>16}  {'searched/ours':>13}"
    )
    for batch, cost in per_image.items():
        rates = (f"{1 / cost[side]:6.1f} img/s" for side in ("textbook", "ours"))
        print(f"{batch:>5}  {'  '.join(rates)}  {cost['textbook'] / cost['ours']:11.2f} x"
              f"  {cost['searched'] * 1000:8.0f} ms/img  {cost['searched'] / cost['ours']:11.0f} x")  # fmt: skip
    best = {way: min(cost[way] for cost in per_image.values()) for way in ("textbook", "ours", "searched")}
    print(f"each at its best batch: ours / textbook {best['textbook'] / best['ours']:.2f} x,"
          f" searched / ours {best['searched'] / best['ours']:.0f} x ({options.iterations} steps)")  # fmt: skip
    print(f"64x64x1, width {options.width}, {options.precision}, {machine(torch.device(options.device))}")


if __name__ == "__main__":
    main()
