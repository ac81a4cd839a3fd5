"""What a fitted method answers: shapes, finite numbers, direction, each image on its own.

Comparisons are left to the checks that are about them: an image whose score is not a finite number, say, fails
``finite`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from bench.conformance.findings import Broken, NotChecked, check
from bench.conformance.study import SMALL, Fitted, Setting, Study
from bench.contracts import ImageShape, Scores
from bench.errors import BenchError

RTOL = 1e-4
"""How far a score may move with the company its image is in: rounding differs between batch sizes."""


@check("fit")
def fit(study: Study) -> None:
    """It can be fitted on a few images, or says in one line what it needs for that."""
    try:
        study.fitted()
    except BenchError as error:
        if not study.needs:
            raise Broken(f"Expected fit to end on {_few(study)}. It raised: {error}") from error
        if "\n" in str(error).strip():
            raise Broken(f"Expected one line on what is missing, found: {error}") from error
        raise NotChecked(f"It needs {study.needs}. {error}") from error


def _few(study: Study) -> str:
    return f"48 small images with {study.values(Setting().budget) or 'its parameters'}"


def fitted_by(study: Study, setting: Setting | None = None) -> Fitted:
    """The detector of a setting; ``NotChecked`` where the usual one failed already, which ``fit`` tells."""
    try:
        base = study.fitted()
    except Exception as error:
        raise NotChecked("It could not be fitted; see the check 'fit'.") from error
    return study.fitted(setting) if setting else base


def sound_answers(study: Study) -> tuple[Fitted, Scores]:
    """The detector and sound answers of it, fit to be compared."""
    fitted = fitted_by(study)
    scores = answer(fitted)
    if misshapen(scores, len(fitted.images), fitted.setting.shape):
        raise NotChecked("Its answers are not of the stated shapes; see the check 'shapes'.")
    if not_finite(scores):
        raise NotChecked("Its answers are not finite numbers; see the check 'finite'.")
    return fitted, scores


def answer(fitted: Fitted) -> Scores:
    try:
        return fitted.answers
    except Exception as error:
        raise NotChecked("It could not score; see the check 'shapes'.") from error


@check("shapes")
def shapes(study: Study) -> None:
    """Scores and parts are (N,), maps (N, S, S), redrawn images (N, C, S, S), codes (N, d): floats, no gradients."""
    fitted = fitted_by(study)
    scores = fitted.answers
    if problems := misshapen(scores, len(fitted.images), fitted.setting.shape):
        raise Broken(f"{'; '.join(problems)}. See Scores in bench/contracts.py.")


def misshapen(scores: Scores, n: int, shape: ImageShape) -> list[str]:
    if not isinstance(scores, Scores):
        return [f"Expected score to return Scores, found {type(scores).__name__}"]
    pictures = {"map": (n, shape.size, shape.size), "redrawn": (n, shape.channels, shape.size, shape.size)}
    problems = [
        problem
        for name, tensor in tensors(scores).items()
        if name != "code"
        for problem in _problems(name, tensor, pictures.get(name, (n,)))
    ]
    return problems + ([] if scores.code is None else list(_problems("code", scores.code, (n, scores.code.shape[-1]))))


def _problems(name: str, tensor: Tensor, expected: tuple[int, ...]) -> Iterator[str]:
    if not isinstance(tensor, Tensor):
        yield f"Expected a tensor as '{name}', found {type(tensor).__name__}"
    elif tuple(tensor.shape) != expected:
        yield f"Expected '{name}' of shape {expected}, found {tuple(tensor.shape)}"
    elif not tensor.is_floating_point():
        yield f"Expected '{name}' of floats, found {tensor.dtype}"
    elif tensor.requires_grad:
        yield f"Expected '{name}' without a gradient: score under torch.inference_mode()"


def tensors(scores: Scores) -> dict[str, Tensor]:
    """Score, parts, map, redrawn images and codes by name, as far as there are any."""
    found = {"image": scores.image, **{f"parts[{name}]": value for name, value in scores.parts.items()}}
    optional = {name: getattr(scores, name) for name in ("map", "redrawn", "code")}
    return found | {name: value for name, value in optional.items() if value is not None}


@check("finite")
def finite(study: Study) -> None:
    """Every score, part and map is a finite number: no image is ever dropped."""
    scores = answer(fitted_by(study))
    if not isinstance(scores, Scores):
        raise NotChecked("It returns no Scores; see the check 'shapes'.")
    if bad := not_finite(scores):
        raise Broken(f"Expected finite numbers, found others in {bad}. Bound divisors from below, logarithms too.")


def not_finite(scores: Scores) -> str:
    return ", ".join(name for name, tensor in tensors(scores).items() if not torch.isfinite(tensor).all())


@check("direction")
def direction(study: Study) -> None:
    """Higher is more anomalous: squares of black and white score above soft ramps, by their medians."""
    sound_answers(study)
    if study.goes_without:
        raise NotChecked("It runs without its downloads here (without_downloads), which promises no direction.")
    fitted = fitted_by(study, Setting(budget=SMALL))
    normal, anomalous = (part.median().item() for part in fitted.answers.image.chunk(2))
    if not anomalous > normal:
        raise Broken(
            f"Expected higher scores of images that nobody could take for normal, found a median of {anomalous:.4g}"
            f" against {normal:.4g} of normal images. Turn the sign, or score what normal images do not have."
        )


@check("batches")
def batches(study: Study) -> None:
    """An image is scored on its own: alone, together and in another order alike."""
    fitted, together = sound_answers(study)
    images = fitted.images
    order = torch.arange(len(images)).flip(0).roll(3)
    alone = [fitted.score(image[None]) for image in images]
    permuted = fitted.score(images[order])
    for name, expected in tensors(together).items():
        apart = torch.cat([tensors(scores)[name] for scores in alone])
        for how, found in (("alone", apart), ("in another order", tensors(permuted)[name][order.argsort()])):
            if not _alike(found, expected):
                raise Broken(
                    f"Expected the same '{name}' of each image {how} as together with others, found differences up to"
                    f" {(found - expected).abs().max():.3g}. Freeze batch statistics (eval()), never reduce over images"
                    " and let random numbers depend on the image alone."
                )


def _alike(found: Tensor, expected: Tensor) -> bool:
    close = 1e-5 * float(expected.abs().max())
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=RTOL, atol=close)
