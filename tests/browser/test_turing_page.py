"""The quiz as a rater meets it: keys, reloads, the last screen, and nothing sent anywhere."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import numpy as np
import pytest

from bench.turing.page import page as html_of
from bench.turing.quiz import make_quiz
from bench.turing.scoring import score
from bench.turing.verdicts import read_verdicts

N = 12
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1440, "height": 900}


@pytest.fixture
def quiz():
    """Real images are bright, generated ones dark: answers can be given right or wrong on purpose."""
    images = np.random.default_rng(0).integers(0, 60, (N, 16, 16, 1), dtype=np.uint8)
    images[: N // 2] += 180
    return make_quiz(images, np.repeat([False, True], N // 2), 0, "<b>toy</b> & co", "normal images", ("quick",))


@pytest.fixture
def watched(page):
    """Every request and every complaint of the page."""
    page.requests, page.complaints = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    return page


@pytest.fixture
def opened(watched, quiz, tmp_path):
    file = tmp_path / "quiz.html"
    file.write_text(html_of(quiz), encoding="utf-8")
    watched.goto(file.as_uri())
    return watched


def begin(page, name="Ada <i>L.</i>"):
    page.keyboard.press("Tab")
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def counted(page, number):
    page.get_by_text(f"Image {number} of {N}", exact=True).wait_for()
    page.wait_for_function("document.querySelector('img').complete && document.querySelector('img').style.width")


def answer(page, quiz, first, last, wrong=()):
    """Judge images ``first`` to ``last``, counted from one, by keyboard alone."""
    truth = dict(zip((image.id for image in quiz.images), truth_of(quiz), strict=True))
    for number in range(first, last + 1):
        counted(page, number)
        is_generated = truth[quiz.images[number - 1].id] != (number in wrong)
        page.wait_for_timeout(30)  # the image has to be decoded before time runs
        page.keyboard.press("g" if is_generated else "R")
        page.keyboard.press(str(1 + number % 3))


def truth_of(quiz):
    """From the pictures themselves: generated ones are dark."""
    import io

    from PIL import Image

    return [np.asarray(Image.open(io.BytesIO(image.png))).mean() < 120 for image in quiz.images]


def saved(page, tmp_path, button="Save verdicts"):
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    return file


def numbers(text):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def test_a_rater_goes_all_the_way_by_keyboard(opened, quiz, tmp_path):
    begin(opened)
    answer(opened, quiz, 1, 5, wrong={2})
    counted(opened, 6)
    opened.reload()
    answer(opened, quiz, 6, N, wrong={7, 8})
    opened.get_by_role("heading", name="Result of Ada <i>L.</i>").wait_for()

    file = saved(opened, tmp_path)
    (scored,) = score(read_verdicts([file])).raters
    assert scored.is_finished
    assert scored.figures.accuracy.correct == N - 3
    assert_shown(opened, scored.figures)
    assert set(map(scheme, opened.requests)) <= {"file", "data", "blob"}
    assert opened.complaints == []


def scheme(url):
    return url.partition(":")[0]


def assert_shown(page, figures):
    """The last screen says what ``bench turing score`` says of the saved file."""
    for name in ("accuracy", "real", "generated"):
        found, expected = page.locator(f'[data-part="{name}"]'), asdict(getattr(figures, name))
        cells = [numbers(text) for text in found.locator("td").all_inner_texts()]
        assert cells[0] == [expected["correct"], expected["n"]]
        assert cells[1] == pytest.approx([100 * expected["share"]], abs=0.051)
        bounds = [100 * expected["interval"][end] for end in ("low", "high")]
        assert cells[2] == pytest.approx(bounds, abs=0.051)
    p, confidence, seconds = (
        page.locator(f'[data-part="{name}"]').inner_text() for name in ("p", "confidence", "seconds")
    )
    assert numbers(p) == pytest.approx([figures.accuracy.p], abs=5.1e-5)
    assert numbers(confidence)[0] == pytest.approx(figures.confidence, abs=0.0051)
    assert numbers(seconds) == pytest.approx([figures.seconds], abs=0.051)


def test_what_a_rater_saves_before_the_end_tells_no_answers(opened, quiz, tmp_path):
    begin(opened)
    answer(opened, quiz, 1, 4)
    counted(opened, 5)
    file = saved(opened, tmp_path, "Save what is done")
    assert all("truth" not in verdict for verdict in json.loads(file.read_text())["verdicts"])
    found = score(read_verdicts([file]))
    assert found.unfinished == ["Ada <i>L.</i>"]
    assert found.pooled.accuracy.correct == found.pooled.accuracy.n == 4


def test_the_next_rater_begins_once_the_last_ones_file_is_saved(opened, quiz, tmp_path):
    begin(opened, "first")
    answer(opened, quiz, 1, N)
    following = opened.get_by_role("button", name="Next rater")
    following.wait_for()
    assert following.is_disabled()
    first = saved(opened, tmp_path)
    following.click()
    opened.keyboard.type("second")
    opened.keyboard.press("Enter")
    answer(opened, quiz, 1, N, wrong={1, 2, 3})
    opened.get_by_role("heading", name="Result of second").wait_for()
    both = score(read_verdicts([first, saved(opened, tmp_path)]))
    assert [rater.figures.accuracy.correct for rater in both.raters] == [N, N - 3]


def test_by_tab_and_enter_alone_with_the_focus_always_seen(opened):
    begin(opened)
    counted(opened, 1)
    focused = []
    for keys in (["Tab", "Tab", "Enter"], ["Tab", "Tab", "Enter"]):
        for key in keys:
            opened.keyboard.press(key)
            if key == "Tab":
                outline = "getComputedStyle(document.activeElement).outlineStyle"
                focused.append(opened.evaluate(f"[document.activeElement.innerText, {outline}]"))
    assert [text.split("\n")[0] for text, _ in focused] == ["Real R", "Generated G", "A guess 1", "Fairly sure 2"]
    assert {outline for _, outline in focused} == {"solid"}
    counted(opened, 2)


def test_by_mouse_a_verdict_can_be_changed_until_the_confidence_is_given(opened, quiz):
    begin(opened)
    counted(opened, 1)
    certain = opened.get_by_role("button", name="Certain")
    assert certain.is_disabled()
    opened.get_by_role("button", name="Real", exact=False).click()
    chosen = opened.get_by_role("button", name="Generated")
    chosen.click()
    assert chosen.get_attribute("aria-pressed") == "true"
    assert opened.locator('[aria-pressed="true"]').count() == 1
    certain.click()
    counted(opened, 2)
    stored = json.loads(opened.evaluate("localStorage.getItem(Object.keys(localStorage)[0])"))
    (verdict,) = stored["verdicts"]
    assert (verdict["image"], verdict["verdict"], verdict["confidence"]) == (quiz.images[0].id, "generated", 3)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["narrow", "wide"])
def test_no_screen_is_wider_than_the_window_and_images_are_equally_large(opened, quiz, size):
    opened.set_viewport_size(size)
    sides = set()

    def fits():
        return opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    assert fits()
    begin(opened, "a" * 80)
    for number in range(1, N + 1):
        counted(opened, number)
        assert fits()
        box = opened.locator("img").bounding_box()
        sides.add((box["width"], box["height"]))
        answer(opened, quiz, number, number)
    opened.get_by_role("heading", name="Result of").wait_for()
    assert fits()
    ((width, height),) = sides
    assert width == height
    assert width % 16 == 0  # whole screen pixels for each of the image's


def test_a_damaged_seal_is_said(watched, quiz, tmp_path):
    file = tmp_path / "quiz.html"
    file.write_text(html_of(quiz).replace(quiz.sealed, "00" * (N + 8)), encoding="utf-8")
    watched.goto(file.as_uri())
    begin(watched)
    answer(watched, quiz, 1, N)
    watched.get_by_text("The sealed answers are damaged.").wait_for()
