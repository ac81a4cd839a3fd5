"""What must come out again: with the same seed, from saved weights, at other shapes."""

from __future__ import annotations

import torch

from bench.conformance.answers import fitted_by, misshapen, sound_answers, tensors
from bench.conformance.findings import Broken, check
from bench.conformance.study import CPU, Fitted, Setting, Study
from bench.contracts import Scores
from bench.records.weights import load_weights, save_weights

OTHER_SHAPES = (Setting(channels=3), Setting(view="resize:64"), Setting(channels=3, view="patches:64/8"))


@check("same-seed")
def same_seed(study: Study) -> None:
    """The same seed gives the same scores to the last bit on the CPU, whatever the global random numbers."""
    _, expected = sound_answers(study)
    found = fitted_by(study, Setting(around=1)).answers
    if differing := _differing(found, expected):
        raise Broken(
            f"Expected equal answers of two fits with one seed, found others in {differing}. Draw from"
            " context.generator(purpose, step) alone; give libraries context.seed."
        )


@check("other-seed")
def other_seed(study: Study) -> None:
    """Another seed gives other scores, or the same where the method says deterministic = True."""
    _, first = sound_answers(study)
    same = torch.equal(first.image, fitted_by(study, Setting(seed=1, around=2)).answers.image)
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
    one, other = tensors(found), tensors(expected)
    shared = {name for name in one.keys() & other.keys() if torch.equal(one[name], other[name])}
    return ", ".join(sorted((one.keys() | other.keys()) - shared))


@check("restore")
def restore(study: Study) -> None:
    """A new detector that is given the saved weights back scores and draws maps exactly as the fitted one."""
    fitted, expected = sound_answers(study)
    file = study.folder / "weights.safetensors"
    save_weights(file, fitted.detector.weights())
    again = Fitted(study.new(fitted.setting.budget), fitted.setting, fitted.images, [], [])
    with again.watched():
        again.detector.restore(load_weights(file, ""), fitted.setting.shape, CPU)
    if differing := _differing(again.answers, expected):
        raise Broken(
            f"Expected equal answers of a detector restored from its weights, found others in {differing}. weights()"
            " must hold every tensor that score() needs, and restore() must set them all, in evaluation mode."
        )


@check("image-shapes")
def image_shapes(study: Study) -> None:
    """It works in grey and in colour, on whole images and on crops, at 32 and at 64 pixels."""
    for setting in OTHER_SHAPES:
        _require_shapes(fitted_by(study, setting))


def _require_shapes(fitted: Fitted) -> None:
    scores = fitted.answers
    if problems := misshapen(scores, len(fitted.images), fitted.setting.shape):
        raise Broken(f"With {fitted.setting}: {'; '.join(problems)}.")
