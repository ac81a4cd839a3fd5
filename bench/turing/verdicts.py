"""Files that raters saved from a quiz, read back and checked; no torch, no run, no data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import DataError, refuse
from bench.turing.seal import unseal

Answer = Literal["real", "generated"]
Confidence = Annotated[int, Field(ge=1, le=3)]
"""1 a guess, 2 fairly sure, 3 certain."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Verdict(_Frozen):
    """What a rater said of one image."""

    image: str
    verdict: Answer
    confidence: Confidence
    seconds: float = Field(ge=0, allow_inf_nan=False)
    """From the image's appearance to the verdict, pauses included."""
    truth: Answer | None = None
    """Filled in by the page when the quiz is finished."""


class VerdictFile(_Frozen):
    """One rater's answers to one quiz, finished or not."""

    format: Literal["bench turing verdicts 1"]
    """``page_parts/quiz.js`` writes it."""
    quiz: str
    title: str
    rater: str = Field(min_length=1)
    images: tuple[str, ...] = Field(min_length=1, strict=False)
    """Ids of all images, in the order in which they were shown."""
    sealed: str
    verdicts: tuple[Verdict, ...] = Field(min_length=1, strict=False)

    @property
    def is_finished(self) -> bool:
        return len(self.verdicts) == len(self.images)

    def truth(self) -> dict[str, Answer]:
        """What each image is, out of the seal; raises ``ValueError`` where it does not fit the quiz."""
        answers = unseal(self.sealed, self.quiz)
        if len(answers) != len(self.images):
            raise ValueError(f"expected {len(self.images)} sealed answers, found {len(answers)}")
        return {name: "generated" if each else "real" for name, each in zip(self.images, answers, strict=True)}

    def problem(self) -> str | None:
        """What is wrong with the file as a whole, in words."""
        try:
            truth = self.truth()
        except ValueError as error:
            return str(error)
        judged = [verdict.image for verdict in self.verdicts]
        if twice := [name for name, count in Counter(judged).items() if count > 1]:
            return f"image {twice[0]} was judged twice"
        if unknown := set(judged) - set(self.images):
            return f"image {min(unknown)} is not in the quiz"
        if wrong := [v.image for v in self.verdicts if v.truth is not None and v.truth != truth[v.image]]:
            return f"the truth of image {wrong[0]} is not the quiz's"
        return None


def read_verdicts(files: Sequence[Path]) -> list[VerdictFile]:
    """Files of one quiz, one for each rater, by name. Raises ``DataError`` for anything else."""
    found = [_read(file) for file in files]
    if not found:
        raise DataError("Expected files that raters saved from a quiz, found none. Try: bench turing score *.json")
    _require_one_quiz(files, found)
    _require_one_file_each(files, found)
    return sorted(found, key=lambda file: file.rater)


def _read(path: Path) -> VerdictFile:
    try:
        content = VerdictFile.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{path} cannot be read as the verdicts of a rater: {_reason(error)}. {_REMEDY}") from error
    if problem := content.problem():
        raise DataError(f"{path} is damaged: {problem}. {_REMEDY}")
    return content


_REMEDY = "Expected a file as the quiz page saves it at its end, unchanged."


def _reason(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def _require_one_quiz(files: Sequence[Path], found: Sequence[VerdictFile]) -> None:
    first = found[0]
    others = [
        f"{path} (quiz {file.quiz})"
        for path, file in zip(files, found, strict=True)
        if (file.quiz, file.images, file.sealed) != (first.quiz, first.images, first.sealed)
    ]
    refuse(others, f"file(s) of another quiz than {files[0]} (quiz {first.quiz})", "Score each quiz on its own.")


def _require_one_file_each(files: Sequence[Path], found: Sequence[VerdictFile]) -> None:
    names = [file.rater.strip().casefold() for file in found]
    twice = [
        f"{path} ({file.rater})" for path, file, name in zip(files, found, names, strict=True) if names.count(name) > 1
    ]
    refuse(twice, "files of raters who are there twice", "A rater counts once: keep the first attempt of each.")
