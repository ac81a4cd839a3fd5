"""The page of a run: parameters, provenance, training health, every test image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.report.figures_table import figures_tables
from bench.report.health import copy_pictures, curves
from bench.report.pages import write_page
from bench.report.shown import ShownGroup, ShownRun
from bench.report.verdicts import by_score, judged, worst_mistakes

_MISTAKES = 8  # of each sort


def write_run_page(site: Path, group: ShownGroup, shown: ShownRun, with_pictures: bool) -> None:
    """``runs/<slug>.html``, and the pictures of training health beside it."""
    run, record = shown.run, shown.run.record
    assert record.metrics  # only finished runs are shown
    images = by_score(judged(run))
    false_alarms, misses = worst_mistakes(images, _MISTAKES)
    write_page(
        site,
        f"runs/{shown.slug}.html",
        "run.html",
        group=group,
        shown=shown,
        record=record,
        tables=figures_tables(record.metrics),
        facts=list(run_facts(shown)),
        provenance=list(flat(record.provenance)),
        pictures=copy_pictures(run, site / "runs" / shown.slug) if with_pictures else {},
        curves=curves(run),
        images=images,
        views={image.id: _view(group, shown, image.id) for image in images if group.layers(image.id, shown)},
        mistakes=[
            ("Normal images that score highest", false_alarms),
            ("Anomalous images that score lowest", misses),
        ],
        kinds=sorted({image.kind for image in images}),
        verdicts=list(dict.fromkeys(image.verdict for image in images)),
    )


def _view(group: ShownGroup, shown: ShownRun, image: str) -> dict[str, Any]:
    """What the viewer shows of an image; what it says of it stands in the table."""
    return {"layers": group.layers(image, shown), "aspect": group.aspect(image)}


def run_facts(shown: ShownRun) -> Iterator[tuple[str, str]]:
    """What decides the run, and what the data set and the method said of it."""
    record, spec = shown.run.record, shown.run.record.spec
    yield from {
        "method": spec.method,
        "data set": spec.dataset_label,
        "preset": spec.preset,
        "view": spec.view,
        "seed": str(spec.seed),
        "protocol": f"{record.protocol_name} (version {spec.protocol})",
    }.items()
    counts = record.counts
    if counts:
        tested = f"{counts.test_normal} normal and {counts.test_anomalous} anomalous tested"
        yield "images", f"{counts.train} learnt from, {counts.val} for the threshold, {tested}"
    for title, values in (("parameter", spec.params), ("data set", spec.dataset_params)):
        yield from ((f"{title}: {name}", text) for name, text in flat(values))
    yield from ((f"of the data: {name}", text) for name, text in flat(record.facts))
    yield from ((f"of the fit: {name}", text) for name, text in flat(record.method_facts))
    yield from ((f"shared stage: {name}", key) for name, key in record.stages.items())
    yield from ((f"seconds: {name}", f"{value:g}") for name, value in record.seconds.items())
    yield "key", record.key
    yield "finished", record.finished


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as lines of text; what is nowhere is a dash."""
    for name, value in values.items():
        path = f"{above}{name}".replace("_", " ")
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}, ")
        else:
            yield path, _text(value)


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if value is None or value == []:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
