"""What a method leaves alone, and the hooks that it need not define."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from bench.conformance.answers import answer, fitted_by, sound_answers
from bench.conformance.findings import Broken, NotChecked, check
from bench.conformance.study import Study


@check("scoring-learns-nothing")
def scoring_learns_nothing(study: Study) -> None:
    """Scoring changes neither what was learnt nor the images it is given."""
    fitted, _ = sound_answers(study)
    before = {name: value.clone() for name, value in fitted.detector.weights().items()}
    given = fitted.images.clone()
    with fitted.watched():
        fitted.detector.score(given)
    if not torch.equal(given, fitted.images):
        raise Broken("Expected the images as they were, found them changed. Work on a copy.")
    after = fitted.detector.weights()
    if changed := sorted(name for name in before if not _same(before[name], after.get(name))):
        raise Broken(f"Expected the weights as fit left them, found {', '.join(changed[:5])} changed by score().")


def _same(before: Tensor, after: Tensor | None) -> bool:
    return after is not None and torch.equal(before, after)


@check("labels")
def labels(study: Study) -> None:
    """It looks at no label, kind, group, region or name of an image, neither fitting nor scoring."""
    with suppress(NotChecked):
        answer(fitted_by(study))
    if study.looked_at:
        raise Broken(
            f"Expected a method that sees images alone, found it looking at {', '.join(sorted(set(study.looked_at)))}"
            " of samples. Use the members of Images that bench/contracts.py states, and no others."
        )


@check("surroundings")
def surroundings(study: Study) -> None:
    """Fitting and scoring leave torch's global switches as they were: other methods run in the same process."""
    fitted = fitted_by(study)
    answer(fitted)
    if fitted.changed:
        raise Broken(
            f"Expected global settings as they were, found {'; '.join(dict.fromkeys(fitted.changed))}. Put them back,"
            " or use a context manager."
        )


@check("hooks")
def hooks(study: Study) -> None:
    """facts() can be written as JSON; sample() and gallery(), where they give images, have the stated shapes."""
    fitted, _ = sound_answers(study)
    try:
        json.dumps(dict(fitted.detector.facts()))
    except TypeError as error:
        raise Broken(f"Expected facts() that can be written as JSON. {error}.") from error
    image = fitted.images.shape[1:]
    with fitted.watched():
        drawn = fitted.detector.sample(3, torch.Generator().manual_seed(0))
        gallery = fitted.detector.gallery()
    if drawn is not None and drawn.shape != (3, *image):
        raise Broken(f"Expected sample(3, …) of shape {(3, *image)}, found {tuple(drawn.shape)}.")
    _require_gallery(gallery, image)


def _require_gallery(pictures: Mapping[str, Any], image: torch.Size) -> None:
    for name, rows in pictures.items():
        if rows.ndim != 5 or rows.shape[2:] != image:
            expected = f"(rows, columns, {', '.join(map(str, image))})"
            raise Broken(f"Expected '{name}' of gallery() of shape {expected}, found {tuple(rows.shape)}.")
