"""A whole study: what ``bench run`` is asked for, by options, by a file (``--config``), or by both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

import bench.plugins
from bench import registry
from bench.data.opening import chosen
from bench.data.roots import DEFAULT, DataRoots
from bench.errors import ConfigError
from bench.executors import make_options
from bench.precision import FLOAT32
from bench.records.store import RecordStore
from bench.studies.file import StudyFile, read_study_file
from bench.writing import replace_file


def _as_list(value: object) -> object:
    """``fanogan,pca``, ``3`` and ``range(3)`` as lists of one or more."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value) if isinstance(value, Iterable) and not isinstance(value, Mapping | bytes) else [value]


def _as_texts(value: object) -> object:
    """``{fanogan: {latent_dim: 64}, flatten: false}`` as ``--set`` takes them."""
    return list(_settings(value)) if isinstance(value, dict) else value


def _settings(values: Mapping[Any, Any]) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from (f"{key}.{text}" for text in _settings(value))
        else:
            yield f"{key}={value}"


def _as_folders(value: object) -> object:
    return {DEFAULT: value} if isinstance(value, str) else value


def _as_named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_as_list)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""As far as NumPy takes them."""


class Study(BaseModel):
    """Keys of the file. Relative folders are looked for from where ``bench`` is called, as on the command line."""

    model_config = ConfigDict(extra="forbid")

    methods: Names = []
    datasets: Names = []
    seeds: Annotated[list[Seed], BeforeValidator(_as_list)] = [0]
    preset: str | None = None
    settings: Annotated[list[str], BeforeValidator(_as_texts)] = []
    view: str | None = None
    data_roots: Annotated[dict[str, Path], BeforeValidator(_as_folders)] = {}
    device: str = "auto"
    precision: str = FLOAT32
    results: Path = Path("results")
    plugins: Path | None = None
    executor: Annotated[dict[str, Any], BeforeValidator(_as_named)] = {"name": "local"}
    """A name, or ``{name: local, workers: 2, timeout: 2h}``."""

    @property
    def executor_name(self) -> str:
        return str(self.executor.get("name", "local"))

    @property
    def executor_options(self) -> dict[str, Any]:
        return {key: value for key, value in self.executor.items() if key != "name"}

    def roots(self) -> DataRoots:
        return DataRoots.of_names(self.data_roots)


def make_study(file: StudyFile | None, given: Mapping[str, Any]) -> Study:
    """The file's keys, each replaced by the option that was given. Raises ``ConfigError``.

    Settings of both are taken, the command line's last; data roots and executor options are replaced one by one.
    """
    stated = file.validate(Study) if file else {}
    options = {key: value for key, value in given.items() if not _is_left_out(value)}
    joined = {**stated, **options}
    joined["settings"] = [*stated.get("settings", []), *_listed(options.get("settings", []))]
    for key in ("data_roots", "executor"):
        joined[key] = stated.get(key, {}) | options.get(key, {})
    try:
        study = Study.model_validate(joined)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{first['loc'][0]}: {first['msg']}, found {first['input']!r}.") from None
    for key, option in (("methods", "--method"), ("datasets", "--dataset")):
        if not getattr(study, key):
            raise ConfigError(f"Nothing to run: give {option}, or '{key}:' in a file after --config.")
    return study


def _is_left_out(value: object) -> bool:
    return value is None or (isinstance(value, list | tuple | dict) and not value)


def _listed(settings: Mapping[str, Any] | Sequence[str]) -> list[str]:
    return list(_settings(settings)) if isinstance(settings, Mapping) else list(settings)


def read_study(path: Path, plugins: Path | None) -> StudyFile:
    """The file, its names looked up with their plug-ins at hand; raises ``ConfigError`` with file and line."""
    file = read_study_file(path)
    stated = file.validate(Study)
    folder = plugins or stated.get("plugins")
    if folder:
        if not folder.is_dir():
            raise file.error(("plugins",), f"plugins: expected a folder, found nothing at {folder}.")
        bench.plugins.add_folder(folder)
    _look_up(file, Study.model_validate(stated))
    return file


def _look_up(file: StudyFile, study: Study) -> None:
    for i, name in enumerate(study.methods):
        with _at(file, "methods", i):
            for member in registry.members("method", name):
                registry.find("method", member)
    for i, name in enumerate(study.datasets):
        with _at(file, "datasets", i):
            chosen(name)
    with _at(file, "data_roots"):
        study.roots()
    with _at(file, "executor"):
        make_options(study.executor_name, study.executor_options)


@contextmanager
def _at(file: StudyFile, *location: str | int) -> Iterator[None]:
    """Errors of the block say where in the file their cause stands."""
    try:
        yield
    except ConfigError as error:
        raise file.error(location, error) from None


def keep(file: StudyFile, store: RecordStore) -> str:
    """A copy beside the records, which name it by its digest."""
    target = store.root / "studies" / f"{file.digest}.yaml"
    if not target.is_file():
        with replace_file(target) as temporary:
            temporary.write_bytes(file.text)
    return file.digest
