"""From a record to a quiz on disk, and what classifiers make of the same images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.data.roots import Roots
from bench.progress import Reporter
from bench.records.record import Record
from bench.turing.classifier import ClassifierResult, classify
from bench.turing.material import Material, Part, groups_of, images_of, labels_of, open_study
from bench.turing.page import page
from bench.turing.quiz import Quiz, make_quiz, require_even
from bench.views import View
from bench.writing import write_output

MOST_CLASSIFIED = 500
"""Images of each kind that the classifiers see at most."""


@dataclass(frozen=True)
class MadeQuiz:
    """What ``bench turing RUN`` wrote, and found."""

    record: Record
    quiz: Quiz
    file: Path
    classified: int
    """Images of each kind that the classifiers saw."""
    classifiers: list[ClassifierResult]

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": str(self.file),
            "quiz": self.quiz.id,
            "images": len(self.quiz.images),
            "title": self.quiz.title,
            "real": self.quiz.real,
            "marks": list(self.quiz.marks),
            "run": self.record.key,
            "classified_of_each_kind": self.classified,
            "classifiers": [asdict(each) for each in self.classifiers],
        }


def write_quiz(
    record: Record, n: int, out: Path, seed: int, part: Part, data_root: Roots, reporter: Reporter
) -> MadeQuiz:
    """Write a page of ``n`` images, half of them real. Raises ``ConfigError``, ``StoreError`` or ``DataError``."""
    require_even(n)
    study = open_study(record, part, data_root, reporter)
    study.require(n // 2)
    everything = study.draw(min(MOST_CLASSIFIED, len(study.samples)), seed)
    quiz = _quiz(everything.first(n // 2), seed)
    write_output(out, page(quiz))
    found = classify(images_of(everything), labels_of(everything), groups_of(everything), seed)
    return MadeQuiz(record, quiz, out, len(everything.real), found)


def _quiz(material: Material, seed: int) -> Quiz:
    spec = material.record.spec
    title = f"{spec.method} on {spec.dataset_label}, {spec.view}"
    seen = {"test": "normal test images, which the network never saw", "train": "images that the network learnt from"}
    real = seen[material.part] + ("" if View.parse(spec.view).stride is None else ", cropped at random")
    marks = tuple(material.record.marks())
    return make_quiz(images_of(material), labels_of(material), seed, title, real, marks)
