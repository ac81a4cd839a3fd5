"""Two runs of a group side by side, image by image; the reader picks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.report.pages import write_page
from bench.report.shown import ShownGroup, ShownRun
from bench.report.verdicts import judged


def write_compare_page(site: Path, group: ShownGroup) -> None:
    """``compare/<slug>.html``; the group has at least two runs."""
    write_page(site, f"compare/{group.group.slug}.html", "compare.html", group=group, comparison=comparison(group))


def comparison(group: ShownGroup) -> dict[str, Any]:
    """Facts of each image once, and its rank, verdict and pictures under each run."""
    facts = judged(group.runs[0].run)
    return {
        "images": [
            {
                "id": image.id,
                "kind": image.kind,
                "normal": image.is_normal,
                "layers": group.layers(image.id),
                "aspect": group.aspect(image.id) if group.thumbnail(image.id) else "",
            }
            for image in facts
        ],
        "runs": [_of_run(group, shown, [image.id for image in facts]) for shown in group.runs],
    }


def _of_run(group: ShownGroup, shown: ShownRun, ids: list[str]) -> dict[str, Any]:
    by_id = {image.id: image for image in judged(shown.run)}
    seen = [by_id[name] for name in ids]
    return {
        "name": shown.name,
        "slug": shown.slug,
        "page": f"../runs/{shown.slug}.html",
        "marks": shown.marks,
        "ranks": [image.rank for image in seen],
        "scores": [image.score for image in seen],
        "verdicts": [image.verdict for image in seen],
        "maps": [_map(shown, name) for name in ids],
    }


def _map(shown: ShownRun, image: str) -> str | None:
    name = shown.overlays.maps.get(image)
    return f"../runs/{shown.slug}/{name}" if name else None
