"""The quiz and its page: nothing but an image's content says whether it is real."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from bench.errors import ConfigError
from bench.turing.page import page
from bench.turing.quiz import make_quiz, png, require_even
from bench.turing.seal import seal, unseal

N = 20


def some_quiz(seed=0, channels=1, title="toy"):
    """Real images are flat, generated ones noise: as PNG compresses them, their sizes would differ a lot."""
    images = np.full((N, 16, 16, channels), 200, dtype=np.uint8)
    images[N // 2 :] = np.random.default_rng(0).integers(0, 256, images[N // 2 :].shape)
    return make_quiz(images, np.repeat([False, True], N // 2), seed, title, "normal images", ("synthetic",))


def decoded(image):
    return np.asarray(Image.open(io.BytesIO(image.png)))


def is_noise(image):
    return bool(decoded(image).std() > 10)


@pytest.mark.parametrize("channels", [1, 3])
def test_answers_belong_to_the_images(channels):
    quiz = some_quiz(channels=channels)
    answers = unseal(quiz.sealed, quiz.id)
    assert answers == [is_noise(image) for image in quiz.images]
    assert sum(answers) == N // 2


@pytest.mark.parametrize("channels", [1, 3])
def test_all_files_have_the_same_size_and_structure(channels):
    files = [image.png for image in some_quiz(channels=channels).images]
    assert len({len(file) for file in files}) == 1
    assert {chunks(file) for file in files} == {("IHDR", "IDAT", "IEND")}  # no text, no time, no palette


def chunks(file):
    """Length, name, content, checksum: one after the other, behind eight bytes of signature."""
    names, at = [], 8
    while at < len(file):
        names.append(file[at + 4 : at + 8].decode())
        at += 12 + int.from_bytes(file[at : at + 4], "big")
    return tuple(names)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_lossless(channels):
    image = np.random.default_rng(0).integers(0, 256, (9, 9, channels), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(image)))).reshape(image.shape), image)


def test_names_are_random_and_orders_are_shuffled():
    first, second = some_quiz(0), some_quiz(1)
    for quiz in (first, second):
        names = [image.id for image in quiz.images]
        assert len(set(names)) == N
        assert all(re.fullmatch("[0-9a-f]{8}", name) for name in names)
        assert names != sorted(names)
        in_order = [answer for _, answer in sorted(zip(names, map(is_noise, quiz.images), strict=True))]
        assert in_order not in (sorted(in_order), sorted(in_order, reverse=True))
    assert [*map(is_noise, first.images)] != [*map(is_noise, second.images)]
    assert {image.id for image in first.images}.isdisjoint(image.id for image in second.images)


def test_the_same_seed_gives_the_same_page():
    assert page(some_quiz(3)) == page(some_quiz(3))
    assert some_quiz(3).id != some_quiz(4).id


def test_the_source_holds_no_answer():
    quiz = some_quiz()
    answers = list(map(is_noise, quiz.images))
    content = json.loads(re.search(r'type="application/json">(.*?)</script>', page(quiz), re.DOTALL)[1])
    assert set(content) == {"id", "title", "sealed", "rounds", "images"}
    assert all(set(image) == {"id", "png"} for image in content["images"])
    plain = bytes(map(int, answers)).hex()
    assert plain not in content["sealed"]
    low_bits = [int(digit, 16) & 1 for digit in content["sealed"][1 : 2 * N : 2]]
    assert low_bits not in ([int(a) for a in answers], [int(not a) for a in answers])


def test_the_page_asks_nothing_of_a_network_and_escapes_what_it_is_given():
    html = page(some_quiz(title="</script><script>alert(1)</script>{{style}}"))
    assert "://" not in html
    assert "<script>alert" not in html
    assert html.count("</script>") == html.count("<script") == 2
    assert "{{style}}" in html  # what a title says is never filled in
    assert "default-src &#x27;none&#x27;" in html


def test_a_seal_opens_only_for_its_quiz():
    answers = [True, False, False, True] * 30
    sealed = seal(answers, "one")
    assert unseal(sealed, "one") == answers
    assert seal(answers, "two") != sealed
    for damaged in (sealed[:-2], sealed[2:], "", "0g" + sealed[2:], "00" + sealed[2:]):
        with pytest.raises(ValueError, match=r"quiz|hexadecimal"):
            unseal(damaged, "one")
    with pytest.raises(ValueError, match="do not belong"):
        unseal(sealed, "two")


@pytest.mark.parametrize("n", [-2, 0, 1, 7])
def test_half_of_the_images_must_be_real(n):
    with pytest.raises(ConfigError, match="even number"):
        require_even(n)
