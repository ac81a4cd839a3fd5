"""A quiz: images in an order and under names that say nothing, encoded so that their files say nothing either."""

from __future__ import annotations

import io
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.errors import ConfigError
from bench.turing.seal import seal


@dataclass(frozen=True)
class QuizImage:
    """One image: eight random hexadecimal digits, and a PNG file."""

    id: str
    png: bytes

    @property
    def data_uri(self) -> str:
        return f"data:image/png;base64,{b64encode(self.png).decode()}"


@dataclass(frozen=True)
class Quiz:
    """Images in the order in which they are shown, and their answers (true: generated), sealed."""

    id: str
    images: tuple[QuizImage, ...]
    sealed: str
    title: str
    real: str
    """What the real images are, in words."""
    marks: tuple[str, ...]


def require_even(n: int) -> None:
    """Raise ``ConfigError`` unless ``n`` images can be half real, half generated."""
    if n < 2 or n % 2:
        raise ConfigError(
            f"Expected an even number of images, half of them real, found --n {n}. Try --n {n + n % 2 or 2}."
        )


def make_quiz(
    images: NDArray[np.uint8], generated: NDArray[np.bool_], seed: int, title: str, real: str, marks: tuple[str, ...]
) -> Quiz:
    """Shuffle ``(n, S, S, C)`` images; the same arguments give the same quiz, byte for byte."""
    rng = np.random.default_rng([seed, 1])  # not the numbers that the images were drawn with
    order = rng.permutation(len(images))
    names = _random_names(len(images), rng)
    encoded = tuple(QuizImage(name, png(images[i])) for name, i in zip(names, order, strict=True))
    content = sha256(b"".join(image.id.encode() + image.png for image in encoded))
    quiz = content.hexdigest()[:16]
    return Quiz(quiz, encoded, seal(generated[order].tolist(), quiz), title, real, marks)


def _random_names(n: int, rng: np.random.Generator) -> list[str]:
    names: dict[str, None] = {}
    while len(names) < n:
        names[rng.bytes(4).hex()] = None
    return list(names)


def png(image: NDArray[np.uint8]) -> bytes:
    """``(S, S, C)`` as PNG, not compressed and with no metadata: a file's size says nothing of what it shows."""
    stream = io.BytesIO()
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    picture.save(stream, format="PNG", compress_level=0)
    return stream.getvalue()
