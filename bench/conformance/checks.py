"""One function for each promise of a method: it returns nothing when the promise is kept.

Broken ones raise ``Broken``, with what was expected, what was found and what to do; ``NotChecked`` says why a promise
could not be looked at. Comparisons are left to the checks that are about them: an image whose score is not a finite
number, say, fails ``finite`` alone.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from pydantic import ValidationError
from torch import Tensor

from bench import registry
from bench.conformance.study import CPU, SMALL, Fitted, Setting, Study
from bench.contracts import ImageShape, Scores
from bench.errors import BenchError, ConfigError
from bench.progress import Reporter
from bench.spec import PRESETS
from bench.store import load_weights, save_weights

RTOL = 1e-4
"""How far a score may move with the company its image is in: rounding differs between batch sizes."""
_STRANGE = "no_such_parameter"
_OTHER_SHAPES = (Setting(channels=3), Setting(view="resize:64"), Setting(channels=3, view="patches:64/8"))


class Broken(Exception):  # noqa: N818 - a verdict, not an error
    """A promise that is not kept."""


class NotChecked(Exception):  # noqa: N818
    """A promise that could not be looked at."""


@dataclass(frozen=True)
class Finding:
    """What became of one check."""

    check: str
    state: Literal["ok", "failed", "not checked"]
    text: str

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        return asdict(self)


Check = Callable[[Study], None]
CheckT = TypeVar("CheckT", bound=Check)
CHECKS: dict[str, Check] = {}
"""By name, in the order in which they are worth reading."""


def check(name: str) -> Callable[[CheckT], CheckT]:
    def register(function: CheckT) -> CheckT:
        CHECKS[name] = function
        return function

    return register


def examine(method: str, reporter: Reporter, debug: bool = False) -> list[Finding]:
    """Every check in turn; with ``debug`` an error that nobody expected is raised, not told."""
    findings = []
    with tempfile.TemporaryDirectory(prefix="bench-check-") as folder, reporter.stage("check", len(CHECKS)) as progress:
        study = Study(method, Path(folder))
        for done, name in enumerate(CHECKS, 1):
            findings.append(perform(name, study, debug))
            progress.update(done)
    return findings


def perform(name: str, study: Study, debug: bool = False) -> Finding:
    """One check of ``CHECKS``."""
    promise = " ".join((CHECKS[name].__doc__ or "").split())
    try:
        CHECKS[name](study)
    except NotChecked as reason:
        return Finding(name, "not checked", str(reason))
    except Broken as verdict:
        return Finding(name, "failed", str(verdict))
    except Exception as error:
        if debug:
            raise
        return Finding(name, "failed", f"Expected: {promise} Found {_told(error)} See the traceback: --debug.")
    return Finding(name, "ok", promise)


def _told(error: Exception) -> str:
    """Kind, message and the line of code that raised it."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f" ({Path(last.tb_frame.f_code.co_filename).name}, line {last.tb_lineno})" if last else ""
    return f"{type(error).__name__}: {error}{where}."


# ----------------------------------------------------------------------------------- what it says of itself


@check("parameters")
def parameters(study: Study) -> None:
    """Params refuses parameters it does not know, cannot be changed, and describes each of its fields."""
    try:
        study.params_cls.model_validate({_STRANGE: 1})
    except ValidationError:
        pass
    else:
        raise Broken(
            f"Expected Params to refuse '{_STRANGE}', which it does not know; it took it. Leave model_config as"
            " bench.contracts.Params has it (extra='forbid')."
        )
    if not study.params_cls.model_config.get("frozen"):
        raise Broken("Expected Params to be frozen: records hold what a run began with. Leave model_config alone.")
    bare = [key for key, info in study.params_cls.model_fields.items() if not info.description]
    if bare:
        raise Broken(f"Expected Field(..., description=…) for each parameter, found none for {', '.join(bare)}.")


@check("presets")
def presets(study: Study) -> None:
    """Every preset is one of quick, standard and paper, and changes parameters that exist to values they take."""
    if strange := set(study.cls.presets) - set(PRESETS):
        raise Broken(
            f"Expected presets among {', '.join(PRESETS)}, found {', '.join(sorted(strange))}. One that is named after"
            " a publication belongs in 'published'."
        )
    for name in (*PRESETS, *study.cls.published):
        for images in (None, 1000):
            try:
                registry.make_params(study.method, study.params_cls, dict(study.cls.preset(name, images)))
            except ConfigError as error:
                raise Broken(f"Preset '{name}' cannot be used. {error}") from error


# --------------------------------------------------------------------------------------------------- fitting


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


def _fitted(study: Study, setting: Setting | None = None) -> Fitted:
    """The detector of a setting; ``NotChecked`` where the usual one failed already, which ``fit`` tells."""
    try:
        base = study.fitted()
    except Exception as error:
        raise NotChecked("It could not be fitted; see the check 'fit'.") from error
    return study.fitted(setting) if setting else base


def _scored(study: Study) -> tuple[Fitted, Scores]:
    """The detector and sound answers of it, fit to be compared."""
    fitted = _fitted(study)
    scores = _answer(fitted)
    if _misshapen(scores, len(fitted.images), fitted.setting.shape):
        raise NotChecked("Its answers are not of the stated shapes; see the check 'shapes'.")
    if _not_finite(scores):
        raise NotChecked("Its answers are not finite numbers; see the check 'finite'.")
    return fitted, scores


def _answer(fitted: Fitted) -> Scores:
    try:
        return fitted.score()
    except Exception as error:
        raise NotChecked("It could not score; see the check 'shapes'.") from error


# --------------------------------------------------------------------------------------------------- answers


@check("shapes")
def shapes(study: Study) -> None:
    """Scores and parts are (N,), maps (N, S, S), redrawn images (N, C, S, S), codes (N, d): floats, no gradients."""
    fitted = _fitted(study)
    scores = fitted.score()
    if problems := _misshapen(scores, len(fitted.images), fitted.setting.shape):
        raise Broken(f"{'; '.join(problems)}. See Scores in bench/contracts.py.")


def _misshapen(scores: Scores, n: int, shape: ImageShape) -> list[str]:
    if not isinstance(scores, Scores):
        return [f"Expected score to return Scores, found {type(scores).__name__}"]
    pictures = {"map": (n, shape.size, shape.size), "redrawn": (n, shape.channels, shape.size, shape.size)}
    problems = [
        problem
        for name, tensor in _tensors(scores).items()
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


def _tensors(scores: Scores) -> dict[str, Tensor]:
    """Score, parts, map, redrawn images and codes by name, as far as there are any."""
    found = {"image": scores.image, **{f"parts[{name}]": value for name, value in scores.parts.items()}}
    optional = {name: getattr(scores, name) for name in ("map", "redrawn", "code")}
    return found | {name: value for name, value in optional.items() if value is not None}


@check("finite")
def finite(study: Study) -> None:
    """Every score, part and map is a finite number: no image is ever dropped."""
    scores = _answer(_fitted(study))
    if not isinstance(scores, Scores):
        raise NotChecked("It returns no Scores; see the check 'shapes'.")
    if bad := _not_finite(scores):
        raise Broken(f"Expected finite numbers, found others in {bad}. Bound divisors from below, logarithms too.")


def _not_finite(scores: Scores) -> str:
    return ", ".join(name for name, tensor in _tensors(scores).items() if not torch.isfinite(tensor).all())


@check("direction")
def direction(study: Study) -> None:
    """Higher is more anomalous: squares of black and white score above soft ramps, by their medians."""
    _scored(study)
    fitted = _fitted(study, Setting(budget=SMALL))
    normal, anomalous = (part.median().item() for part in fitted.score().image.chunk(2))
    if not anomalous > normal:
        raise Broken(
            f"Expected higher scores of images that nobody could take for normal, found a median of {anomalous:.4g}"
            f" against {normal:.4g} of normal images. Turn the sign, or score what normal images do not have."
        )


@check("batches")
def batches(study: Study) -> None:
    """An image is scored on its own: alone, together and in another order alike."""
    fitted, together = _scored(study)
    images = fitted.images
    order = torch.arange(len(images)).flip(0).roll(3)
    alone = [fitted.score(image[None]) for image in images]
    permuted = fitted.score(images[order])
    for name, expected in _tensors(together).items():
        apart = torch.cat([_tensors(scores)[name] for scores in alone])
        for how, found in (("alone", apart), ("in another order", _tensors(permuted)[name][order.argsort()])):
            if not _alike(found, expected):
                raise Broken(
                    f"Expected the same '{name}' of each image {how} as together with others, found differences up to"
                    f" {(found - expected).abs().max():.3g}. Freeze batch statistics (eval()), never reduce over images"
                    " and let random numbers depend on the image alone."
                )


def _alike(found: Tensor, expected: Tensor) -> bool:
    close = 1e-5 * float(expected.abs().max())
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=RTOL, atol=close)


# ------------------------------------------------------------------------------------- seeds, weights, shapes


@check("same-seed")
def same_seed(study: Study) -> None:
    """The same seed gives the same scores to the last bit on the CPU, whatever the global random numbers."""
    _, expected = _scored(study)
    found = _fitted(study, Setting(around=1)).score()
    if differing := _differing(found, expected):
        raise Broken(
            f"Expected equal answers of two fits with one seed, found others in {differing}. Draw from"
            " context.generator(purpose, step) alone; give libraries context.seed."
        )


@check("other-seed")
def other_seed(study: Study) -> None:
    """Another seed gives other scores, or the same where the method says deterministic = True."""
    _, first = _scored(study)
    same = torch.equal(first.image, _fitted(study, Setting(seed=1, around=2)).score().image)
    if same and not study.cls.deterministic:
        raise Broken(
            "Expected other scores of another seed, found the same. Draw from context.generator(purpose, step); if"
            " the method draws nothing, say so: deterministic = True."
        )
    if not same and study.cls.deterministic:
        raise Broken(
            "Expected the same scores of every seed, because it says deterministic = True; found others."
            " Remove the line, or what is random."
        )


def _differing(found: Scores, expected: Scores) -> str:
    """Names of the answers that are not equal, of which either may lack some."""
    one, other = _tensors(found), _tensors(expected)
    shared = {name for name in one.keys() & other.keys() if torch.equal(one[name], other[name])}
    return ", ".join(sorted((one.keys() | other.keys()) - shared))


@check("restore")
def restore(study: Study) -> None:
    """A new detector that is given the saved weights back scores and draws maps exactly as the fitted one."""
    fitted, expected = _scored(study)
    file = study.folder / "weights.safetensors"
    save_weights(file, fitted.detector.weights())
    again = Fitted(study.new(fitted.setting.budget), fitted.setting, fitted.images, [], [])
    again.detector.restore(load_weights(file, ""), fitted.setting.shape, CPU)
    if differing := _differing(again.score(), expected):
        raise Broken(
            f"Expected equal answers of a detector restored from its weights, found others in {differing}. weights()"
            " must hold every tensor that score() needs, and restore() must set them all, in evaluation mode."
        )


@check("image-shapes")
def image_shapes(study: Study) -> None:
    """It works in grey and in colour, on whole images and on crops, at 32 and at 64 pixels."""
    for setting in _OTHER_SHAPES:
        fitted = _fitted(study, setting)
        scores = fitted.score()
        if problems := _misshapen(scores, len(fitted.images), setting.shape):
            raise Broken(f"With {setting}: {'; '.join(problems)}.")


# -------------------------------------------------------------------------------------- what it leaves alone


@check("scoring-learns-nothing")
def scoring_learns_nothing(study: Study) -> None:
    """Scoring changes neither what was learnt nor the images it is given."""
    fitted, _ = _scored(study)
    before = {name: value.clone() for name, value in fitted.detector.weights().items()}
    given = fitted.images.clone()
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
        _answer(_fitted(study))
    if study.looked_at:
        raise Broken(
            f"Expected a method that sees images alone, found it looking at {', '.join(sorted(set(study.looked_at)))}"
            " of samples. Use the members of Images that bench/contracts.py states, and no others."
        )


@check("surroundings")
def surroundings(study: Study) -> None:
    """Fitting and scoring leave torch's global switches as they were: other methods run in the same process."""
    fitted = _fitted(study)
    _answer(fitted)
    if fitted.changed:
        raise Broken(
            f"Expected global settings as they were, found {'; '.join(dict.fromkeys(fitted.changed))}. Put them back,"
            " or use a context manager."
        )


@check("hooks")
def hooks(study: Study) -> None:
    """facts() can be written as JSON; sample() and gallery(), where they give images, have the stated shapes."""
    fitted, _ = _scored(study)
    try:
        json.dumps(dict(fitted.detector.facts()))
    except TypeError as error:
        raise Broken(f"Expected facts() that can be written as JSON. {error}.") from error
    image = fitted.images.shape[1:]
    drawn = fitted.detector.sample(3, torch.Generator().manual_seed(0))
    if drawn is not None and drawn.shape != (3, *image):
        raise Broken(f"Expected sample(3, …) of shape {(3, *image)}, found {tuple(drawn.shape)}.")
    _require_gallery(fitted.detector.gallery(), image)


def _require_gallery(pictures: Mapping[str, Any], image: torch.Size) -> None:
    for name, rows in pictures.items():
        if rows.ndim != 5 or rows.shape[2:] != image:
            expected = f"(rows, columns, {', '.join(map(str, image))})"
            raise Broken(f"Expected '{name}' of gallery() of shape {expected}, found {tuple(rows.shape)}.")
