"""``bench data check``: a data set looked through, every image decoded once, and all that was found told at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.contracts import ANOMALOUS, NORMAL, Split
from bench.data.inspection import Defects, Inspected, inspect_all
from bench.data.opening import OpenedDataset
from bench.progress import Reporter

_FEW = 3
"""Validation images from which a quantile is not remarked on; it takes many more to know it well."""
Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. A ``problem`` has to be mended before a result means anything."""

    topic: str
    level: Level
    text: str
    items: tuple[str, ...] = ()
    """The files or images concerned, each with what is wrong with it."""


def audit(opened: OpenedDataset, reporter: Reporter) -> list[Finding]:
    """Decode every image and mask and compare them all by content; a broken one is a finding and stops nothing.

    Memory: a few hundred bytes an image; pixels are let go of one after the other.
    """
    split = opened.split
    images = inspect_all(split, opened.dataset.channels, reporter)
    return [
        *_counts(split), *_facts(split), _published(split), _images(images), *_sizes(images), *_masks(images),
        *_duplicates(images, split), *_groups(split), *_leakage(opened),
    ]  # fmt: skip


def _finding(topic: str, items: Iterable[str], text: str, level: Level = "problem") -> Iterator[Finding]:
    """A finding about ``items``, if there are any; ``{n}`` in ``text`` is how many."""
    listed = tuple(items)
    if listed:
        yield Finding(topic, level, text.format(n=len(listed)), listed)


# ---------------------------------------------------------------------------------------- counts


def _counts(split: Split) -> Iterator[Finding]:
    for part, samples in split.parts().items():
        kinds = Counter(sample.kind for sample in samples)
        groups = {sample.group for sample in samples} - {None}
        of_groups = f", of {len(groups)} {split.group_name or 'group'}s" if groups else ""
        listed = ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items()))
        yield Finding("count", "ok", f"{part}: {len(samples)} images{of_groups}: {listed}")
    if len(split.val) < _FEW:
        text = f"val: the threshold is the 95 % quantile of these {len(split.val)} image(s)' scores: add more"
        yield Finding("count", "note", text)
    for label, name in ((NORMAL, "normal"), (ANOMALOUS, "anomalous")):
        if not any(sample.label == label for sample in split.test):
            yield Finding("count", "problem", f"expected {name} images in test, found none: nothing can be told apart")


def _facts(split: Split) -> Iterator[Finding]:
    if split.facts:
        yield Finding("facts", "ok", ", ".join(f"{name} {value}" for name, value in split.facts.items()))


def _published(split: Split) -> Finding:
    if not split.published:
        return Finding("published", "note", "no published counts are known to compare these with")
    if split.version:
        return Finding("published", "ok", f"all images of {split.version} are there")
    items = tuple(
        f"{version}, {what}: published {published.get(what, 0)}, found {split.found.get(what, 0)}"
        for version, published in split.published.items()
        for what in {**published, **split.found}
        if published.get(what) != split.found.get(what)
    )
    return Finding("published", "note", "other counts than published: a subset, and named so with every result", items)


# ---------------------------------------------------------------------------------------- images


def _images(images: Sequence[Inspected]) -> Finding:
    broken = tuple(image.problem for image in images if image.problem)
    if broken:
        return Finding("images", "problem", f"{len(broken)} of {len(images)} cannot be used", broken)
    return Finding("images", "ok", f"all {len(images)} can be decoded")


def _sizes(images: Sequence[Inspected]) -> Iterator[Finding]:
    sizes = Counter(image.size for image in images if image.size)
    if not sizes:
        return
    heights, widths = zip(*sizes, strict=True)
    if len(sizes) == 1:
        yield Finding("sizes", "ok", f"{widths[0]}x{heights[0]} pixels (width x height)")
    else:
        ranges = f"{_range(widths)} pixels wide, {_range(heights)} high"
        yield Finding("sizes", "ok", f"{ranges}, {len(sizes)} distinct sizes")


def _range(lengths: Sequence[int]) -> str:
    shortest, longest = min(lengths), max(lengths)
    return str(shortest) if shortest == longest else f"{shortest} to {longest}"


# ----------------------------------------------------------------------------------------- masks


def _masks(images: Sequence[Inspected]) -> Iterator[Finding]:
    anomalous = [image for image in images if image.sample.label == ANOMALOUS]
    drawn = [(image, image.defects) for image in anomalous if image.defects]
    yield from _extent(drawn, len(anomalous))
    yield from _finding("masks", _mask_problems(images), "{n} mask(s) cannot be used")
    yield from _finding("masks", _empty(images), "{n} mask(s) are empty: nothing could be found there")
    yield from _finding(
        "masks", _contradictory(images), "{n} image(s) whose label and annotation contradict each other"
    )
    large = [f"{image.sample.id}: {_percent(found.share)}" for image, found in drawn if found.share > 0.5]
    yield from _finding("masks", large, "{n} image(s) are more than half defect: inverted masks?", "note")
    yield from _saturation(drawn)


def _extent(drawn: Sequence[tuple[Inspected, Defects]], anomalous: int) -> Iterator[Finding]:
    if not drawn:
        yield Finding("masks", "note", "no annotated pixels: image scores are measured, maps are not")
        return
    shares = [defects.share for _, defects in drawn]
    regions = sum(len(defects.areas) for _, defects in drawn)
    yield Finding(
        "masks",
        "ok" if len(drawn) == anomalous else "note",
        f"{len(drawn)} of {anomalous} anomalous images are annotated, with {regions} region(s);"
        f" defects cover {_percent(min(shares))} to {_percent(max(shares))} of their image,"
        f" {_percent(float(np.median(shares)))} in the median",
        tuple(_extent_by_kind(drawn)),
    )


def _extent_by_kind(drawn: Sequence[tuple[Inspected, Defects]]) -> Iterator[str]:
    by_kind: dict[str, list[Defects]] = defaultdict(list)
    for image, defects in drawn:
        by_kind[image.sample.kind].append(defects)
    for kind, found in sorted(by_kind.items()):
        regions, share = sum(len(d.areas) for d in found), float(np.median([d.share for d in found]))
        yield f"{kind}: {len(found)} images, {regions} region(s), {_percent(share)} in the median"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _mask_problems(images: Sequence[Inspected]) -> Iterator[str]:
    return (image.mask_problem for image in images if image.mask_problem)


def _empty(images: Sequence[Inspected]) -> Iterator[str]:
    anomalous = (image for image in images if image.sample.label == ANOMALOUS)
    return (name for image in anomalous if image.defects for name in image.defects.empty)


def _contradictory(images: Sequence[Inspected]) -> Iterator[str]:
    for image in images:
        if image.sample.label == NORMAL and image.defects and any(image.defects.areas):
            yield f"{image.sample.id}: normal, but its mask shows a defect"
        if image.sample.label == ANOMALOUS and image.sample.regions == ():
            yield f"{image.sample.id}: {image.sample.kind}, but annotated as free of defects"


def _saturation(drawn: Sequence[tuple[Inspected, Defects]]) -> Iterator[Finding]:
    names = [name for _, defects in drawn for name in defects.saturated]
    text = "{n} region(s) are smaller than the area that is enough of them: all of each is due"
    yield from _finding("saturation", names, text, "note")


# ---------------------------------------------------------------------- what stands on both sides


def _duplicates(images: Sequence[Inspected], split: Split) -> Iterator[Finding]:
    twins = [found for found in _by_content(images) if len(found) > 1]
    level: Level = "note" if split.known_leakage else "problem"
    across = [t for t in twins if {"test"} < {image.part for image in t}]
    yield from _finding("duplicates", _listed(across), "{n} image(s) are both learnt from and tested on", level)
    learnt = [t for t in twins if {image.part for image in t} == {"train", "val"}]
    text = "{n} image(s) are in train and in val: scores in val come out too low, and so do thresholds"
    yield from _finding("duplicates", _listed(learnt), text, "note")
    contradictory = [t for t in twins if len({image.sample.label for image in t}) > 1]
    yield from _finding("duplicates", _listed(contradictory), "{n} image(s) are normal here and anomalous there")
    for part in split.parts():
        within = [inside for t in twins if len(inside := [image for image in t if image.part == part]) > 1]
        yield from _finding("duplicates", _listed(within), f"{{n}} image(s) stand more than once in {part}", "note")
    if not twins:
        yield Finding("duplicates", "ok", "no image stands twice, by content")


def _by_content(images: Sequence[Inspected]) -> Iterable[list[Inspected]]:
    same: dict[str, list[Inspected]] = defaultdict(list)
    for image in images:
        if image.content:
            same[image.content].append(image)
    return same.values()


def _listed(twins: Iterable[list[Inspected]]) -> Iterator[str]:
    return (" = ".join(f"{i.part} {i.sample.id} ({i.sample.kind})" for i in found) for found in twins)


def _groups(split: Split) -> Iterator[Finding]:
    name = split.group_name or "group"
    train, val, test = ({s.group for s in samples if s.group is not None} for samples in split.parts().values())
    if not train | val | test:
        yield Finding("groups", "note", "no patients or other groups are known: intervals take images as independent")
        return
    level: Level = "note" if split.known_leakage else "problem"
    shared = sorted((train | val) & test)
    yield from _finding("groups", shared, f"{{n}} {name}(s) are both learnt from and tested on", level)
    if not shared:
        yield Finding("groups", "ok", f"no {name} is both learnt from and tested on")
    text = f"{{n}} {name}(s) are in train and in val: scores in val come out too low, and so do thresholds"
    yield from _finding("groups", sorted(train & val), text, "note")


def _leakage(opened: OpenedDataset) -> Iterator[Finding]:
    if opened.dataset.leakage:
        yield Finding("leakage", "note", opened.dataset.leakage)
    if opened.split.known_leakage:
        yield Finding("leakage", "note", f"this split: {opened.split.known_leakage}")
