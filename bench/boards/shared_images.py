"""Which data sets test all their categories on the same images, as the plug-in says."""

from __future__ import annotations

from collections.abc import Iterable

from bench import registry


def share_images(dataset: str) -> bool:
    """Whether the categories of a data set are tested on the same images; not known without its plug-in."""
    entry = registry.entries("dataset").get(dataset)
    return bool(entry and entry.facts.get("categories_share_images", False))


def sets_of_images(labels: Iterable[str]) -> int:
    """How many of these data sets and categories, ``mnist:0`` and so on, have test images of their own."""
    names = [(label, label.partition(":")[0]) for label in labels]
    return len({name if share_images(name) else label for label, name in names})
