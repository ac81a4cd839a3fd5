"""Images decoded, and a detector fitted on the normal ones."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench import registry
from bench.contracts import Detector
from bench.errors import ClaimedError, RunError
from bench.images import ImageCache, cached_images, duplicates_across
from bench.one_run.state import Run
from bench.out_of_memory import what_to_try
from bench.provenance import usable_cores
from bench.records.stages import WhenBusy
from bench.spec import training_code
from bench.training.images import training_images
from bench.training.services import RunContext
from bench.views import View


def seed_generators(seed: int) -> None:
    """Seed the global generators, for libraries that use them: methods draw from the context's own."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def limit_threads() -> None:
    """No more threads than cores that this process may use; ``OMP_NUM_THREADS`` may ask for fewer."""
    torch.set_num_threads(min(usable_cores(), torch.get_num_threads()))


def decode(run: Run) -> dict[str, ImageCache]:
    """The images of each part, decoded once; notes how many of the test part also stand in training.

    Raises ``DataError`` where an image of any part has no room for the view's tiles, before anything is trained.
    """
    split, dataset = run.data.split, run.data.dataset
    with run.timed("images"), run.reporter.stage("images", sum(map(len, split.parts().values()))) as progress:

        def advance(done: int, total: int) -> None:
            progress.update(done)
            run.stop.check()

        caches = cached_images(split, dataset.channels, run.spec.decoding, advance)
        progress.update(sum(map(len, caches.values())))
    view = View.parse(run.spec.view)
    for cache in caches.values():
        view.require_room(cache.shapes)
    run.facts["images_in_training_and_test"] = len(duplicates_across(split, caches))
    return caches


def fit(run: Run, caches: Mapping[str, ImageCache]) -> Detector[Any]:
    """The method of the run, trained; raises ``RunError`` with what to try where a GPU's memory does not suffice."""
    cls, params_cls = registry.load_method(run.spec.method)
    detector: Detector[Any] = cls(registry.make_params(run.spec.method, params_cls, dict(run.spec.params)))
    view, mirror = View.parse(run.spec.view), run.data.dataset.mirrored_is_normal
    train, val = (training_images(view, caches[part], run.device, mirror) for part in ("train", "val"))
    with run.timed("fit"):
        try:
            detector.fit(train, val, context=_context(run))
        except torch.OutOfMemoryError as error:
            raise RunError(what_to_try(run.spec.method, run.spec.params, run.device, error)) from error
    return detector


def _context(run: Run) -> RunContext:
    spec = run.spec
    shared = ("dataset", "category", "view", "seed", "data", "dataset_code", "protocol", "precision")
    identity = {name: getattr(spec, name) for name in shared}
    identity |= {"dataset_params": dict(spec.dataset_params), "training_code": training_code()}
    return RunContext(
        device=run.device,
        seed=spec.seed,
        folder=run.work,
        stages=run.store.stages.asking(_patience(run)),
        stage_identity=identity,
        reporter=run.reporter,
        stop=run.stop,
        used_stages=run.stages,
    )


def _patience(run: Run) -> WhenBusy:
    """Wait for a stage that another process trains, and say so once; or leave the run for later."""
    said: set[Path] = set()

    def when_busy(error: ClaimedError) -> None:
        if not run.waits:
            raise error
        if error.file not in said:
            said.add(error.file)
            run.reporter.say(f"  waiting: shared stage {error}")
        run.stop.check()

    return when_busy
