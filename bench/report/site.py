"""The whole site: built aside, then moved into place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.boards.leaderboard import Known
from bench.data.roots import Roots
from bench.errors import ConfigError
from bench.progress import Reporter
from bench.records.saved import SavedRun
from bench.report.boards import ShownBoard, boards_of, every_board, text_of
from bench.report.choice import pictured
from bench.report.compare_page import write_compare_page
from bench.report.dataset_page import write_dataset_page
from bench.report.groups import Group, groups, run_slug
from bench.report.material import LEFT_OUT, find_material
from bench.report.overlays import Overlays, write_overlays
from bench.report.pages import copy_assets, write_page
from bench.report.run_page import write_run_page
from bench.report.shown import ShownGroup, ShownRun
from bench.report.thumbnails import write_thumbnails
from bench.writing import writing_output

MOST_PICTURES = 2000
"""Of one data set: a test set of ten thousand images would make a hundred thousand files."""
_STAMP = ".bench-report"


def build_report(
    known: Known, out: Path, data_root: Roots, reporter: Reporter, most_pictures: int = MOST_PICTURES
) -> Path:
    """Write the site of all finished runs to ``out`` and return its first page.

    An earlier report in ``out`` is replaced; raises ``ConfigError`` where anything else lies there, and ``StoreError``
    where it cannot be written. Images of data that are not on this machine are left out, and the pages say so;
    ``most_pictures`` of a data set are shown, and with 0 the site holds no picture of any kind.
    """
    out = out.resolve()
    with writing_output(out, "DIR"), _replaced(out) as site:
        copy_assets(site)
        shown = [_prepared(site, group, data_root, reporter, most_pictures) for group in groups(known.runs)]
        boards = every_board(known)
        for group in shown:
            _write_pages(site, group, boards, reporter, most_pictures > 0)
        write_page(site, "index.html", "index.html", groups=shown, boards=boards, text_of=text_of)
    return out / "index.html"


def _prepared(site: Path, group: Group, data_root: Roots, reporter: Reporter, most: int) -> ShownGroup:
    """Thumbnails and overlays of a group, written."""
    material = find_material(group.runs[0].record, data_root) if most else LEFT_OUT
    wanted = pictured(group, most)
    if material.missing:
        reporter.say(f"{group.label}: {material.missing}{material.mistyped}")
    folder = site / "images" / group.slug
    thumbnails = write_thumbnails(material.data, wanted, folder, reporter) if material.data else {}
    runs = [_shown_run(site, run, name, wanted, reporter) for run, name in zip(group.runs, group.names, strict=True)]
    return ShownGroup(group, tuple(runs), thumbnails, material.missing, wanted)


def _shown_run(site: Path, run: SavedRun, name: str, wanted: Collection[str], reporter: Reporter) -> ShownRun:
    folder = site / "runs" / run_slug(run.record)
    return ShownRun(run, name, write_overlays(run, wanted, folder, reporter) if wanted else Overlays())


def _write_pages(
    site: Path, group: ShownGroup, boards: Sequence[ShownBoard], reporter: Reporter, with_images: bool
) -> None:
    with reporter.stage(f"pages of {group.group.label}", len(group.runs)) as stage:
        for done, shown in enumerate(group.runs, 1):
            write_run_page(site, group, shown, with_images)
            stage.update(done)
    write_dataset_page(site, group, boards_of(group.group, boards))
    if len(group.runs) > 1:
        write_compare_page(site, group)


@contextmanager
def _replaced(out: Path) -> Iterator[Path]:
    """A folder to build in, which takes the place of ``out`` when all went well."""
    _refuse_other_files(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as aside:
        site = Path(aside) / "site"
        site.mkdir()
        (site / _STAMP).touch()
        yield site
        if out.exists():
            shutil.rmtree(out)
        site.rename(out)


def _refuse_other_files(out: Path) -> None:
    if out.exists() and not (out.is_dir() and ((out / _STAMP).is_file() or not any(out.iterdir()))):
        raise ConfigError(
            f"Expected an empty folder or an earlier report after --out, found other files in {out}."
            " Choose another folder: --out DIR."
        )
