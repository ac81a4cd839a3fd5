"""Arrows between the packages point one way, and plug-ins know the contracts alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from bench import registry, spec

CHECKOUT = Path(__file__).parents[1]
MODULES = sorted((CHECKOUT / "bench").rglob("*.py"))
PLUGINS = sorted([*(CHECKOUT / "methods").rglob("*.py"), *(CHECKOUT / "datasets").rglob("*.py")])
ROOMS = {path.stem for path in (CHECKOUT / "bench").iterdir()}
FOR_PLUGINS = {"contracts", "cuda_graphs", "errors", "files"}
"""What a method or a data set may use of the referee."""


def imported(file: Path) -> Iterator[str]:
    """Dotted names of the project's own modules, as far as the file names them."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room(dotted: str) -> str:
    """``bench.records.store`` lies in ``records``; ``bench.views`` is a room of its own."""
    return dotted.split(".")[1]


def test_rooms_of_the_referee_do_not_use_each_other_in_a_circle():
    rooms: dict[str, set[str]] = {}
    for file in MODULES:
        here = room(".".join(file.relative_to(CHECKOUT).with_suffix("").parts))
        used = {room(name) for name in imported(file) if name.startswith("bench.")} & ROOMS
        rooms[here] = (rooms.get(here, set()) | used) - {here}
    TopologicalSorter(rooms).prepare()  # raises CycleError, which names the circle


def test_the_referee_imports_no_method_and_no_data_set():
    plugins = ("bench.plugins.methods", "bench.plugins.datasets")
    assert [(file, name) for file in MODULES for name in imported(file) if name.startswith(plugins)] == []


def test_the_referee_names_no_plugin():
    """Not by a text either; but ``interop`` offers one method to anomalib, by its name."""
    with_other_meanings = {"folder", "pca"}  # a directory; a projection that a figure is drawn in
    names = {name for kind in ("method", "dataset") for name in registry.entries(kind)} - with_other_meanings
    texts = [(file, node.value) for file in MODULES for node in ast.walk(ast.parse(file.read_text())) if is_text(node)]
    named = {(room(".".join(file.relative_to(CHECKOUT).parts)), text) for file, text in texts if text in names}
    assert named == {("interop", name) for name in ("fanogan", "izi", "ziz")}


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_plugins_use_what_the_referee_offers_them():
    used = {room(name) for file in PLUGINS for name in imported(file) if name.startswith("bench.")}
    assert used == FOR_PLUGINS


NO_MATTER = {
    "errors.py": "words",
    "memory.py": "whether images lie on the GPU or beside it",
    "progress.py": "what is shown",
    "records/stages.py": "where shared parts lie",
    "registry.py": "which file has a name; that file is in the key itself",
    "stopping.py": "when a run ends before its time",
    "training/checkpoints.py": "how a run goes on where it stopped, with the same numbers",
    "writing.py": "how files are written",
}
"""What methods and training use and no result depends on, and what it decides instead."""


def file_of(dotted: str) -> str:
    """``bench.records.stages.StageStore`` lies in ``records/stages.py``."""
    parts = dotted.split(".")[1:]
    paths = ("/".join(parts[:n]) + ".py" for n in range(len(parts), 0, -1))
    return next(path for path in paths if (CHECKOUT / "bench" / path).is_file())


def test_whatever_shapes_what_a_method_learns_is_in_the_key_of_its_run():
    training = sorted((CHECKOUT / "bench" / "training").glob("*.py"))
    used = {file_of(name) for file in [*PLUGINS, *training] for name in imported(file) if name.startswith("bench.")}
    assert used - set(spec._TRAINING_FILES) == NO_MATTER.keys()


def test_no_data_set_uses_another():
    """What several have in common lies in ``layouts/`` and ``preprocessing/``."""
    folder = CHECKOUT / "datasets"
    names = {file.stem for file in folder.glob("*.py")}
    used = {(file.name, name) for file in folder.rglob("*.py") for name in beside(file) if name in names}
    assert used == set()


def beside(file: Path) -> Iterator[str]:
    """First part of the name of what is imported relatively."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]


def test_the_page_on_the_house_shows_every_room():
    page = (CHECKOUT / "docs" / "architecture.md").read_text()
    rooms = [path for path in (CHECKOUT / "bench").iterdir() if "__" not in path.name and path.suffix in ("", ".py")]
    assert [path.name for path in rooms if f"`{path.name}{'/' * path.is_dir()}`" not in page] == []
