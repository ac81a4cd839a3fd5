"""Names -> plug-ins. Files are read as text first, so that listing them imports neither torch nor the plug-ins."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any, Literal

from pydantic import ValidationError

import bench.plugins
from bench.contracts import Dataset, Detector, Params, Published
from bench.errors import BenchError, ConfigError, PluginError, unknown_name
from bench.names import why_unusable

Kind = Literal["method", "dataset"]
_CLASS = {"method": "Detector", "dataset": "Dataset"}


@dataclass(frozen=True)
class Entry:
    """One plug-in file: its command-line name, where it stands, and its class attributes that are literals."""

    kind: Kind
    name: str
    file: Path
    facts: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None

    @property
    def summary(self) -> str:
        return self.problem or str(self.facts.get("summary", ""))

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(self.facts.get("categories", ()))

    def as_dict(self) -> dict[str, object]:
        """For ``bench list --json``."""
        about = {name: self.facts.get(name) for name in ("summary", "needs", "licence", "synthetic", "trivial")}
        return {"name": self.name, "kind": self.kind, **about, "categories": self.categories, "problem": self.problem}


def entries(kind: Kind) -> dict[str, Entry]:
    """All plug-ins of a kind by name. Of two files of one name neither is taken: figures would be misread."""
    found: dict[str, Entry] = {}
    for name, file in _files(kind):
        entry = _read(kind, name, file, file.stat().st_mtime_ns)
        first = found.setdefault(entry.name, entry)
        if not first.file.samefile(file):
            both = f"broken: two files are called {name}, {first.file} and this one; rename one"
            found[name] = Entry(kind, name, file, problem=both)
    return dict(sorted(found.items()))


def find(kind: Kind, name: str) -> Entry:
    """The plug-in of that name; raises ``ConfigError`` with the nearest names."""
    known = entries(kind)
    if name not in known:
        raise unknown_name(kind, name, known, f"See: bench list {kind}s.")
    return known[name]


def members(kind: Kind, name: str) -> list[str]:
    """``family:all`` as the names of its members; any other name as it stands."""
    family, colon, member = name.partition(":")
    if not colon or member != "all":
        return [name]
    found = [known for known in entries(kind) if known.startswith(f"{family}:")]
    if not found:
        raise unknown_name(f"family of {kind}s", family, {n.partition(":")[0] for n in entries(kind) if ":" in n}, "")
    return found


def _files(kind: Kind) -> Iterator[tuple[str, Path]]:
    """Name and file: ``<name>.py``, and ``<family>/<name>.py`` where it holds a plug-in and no shared part."""
    for root in bench.plugins.__path__:
        folder = Path(root) / f"{kind}s"
        for file in sorted(folder.glob("*.py")) + sorted(folder.glob("*/*.py")):
            family = "" if file.parent == folder else f"{file.parent.name}:"
            if not file.name.startswith("_") and (not family or _defines(kind, file, file.stat().st_mtime_ns)):
                yield f"{family}{file.stem}".replace("_", "-"), file


@lru_cache(maxsize=512)
def _defines(kind: Kind, file: Path, changed: int) -> bool:
    return f"\nclass {_CLASS[kind]}(" in file.read_text(encoding="utf-8", errors="replace")


@lru_cache(maxsize=512)
def _read(kind: Kind, name: str, file: Path, changed: int) -> Entry:
    if trouble := why_unusable(name):
        return Entry(kind, name, file, problem=f"broken: the file's name {trouble}; rename it")
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, RecursionError) as error:
        return Entry(kind, name, file, problem=f"broken: {error}")
    wanted = _CLASS[kind]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == wanted:
            return Entry(kind, name, file, _literals(node))
    return Entry(kind, name, file, problem=f"broken: expected a class '{wanted}', found none")


def _literals(node: ast.ClassDef) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for statement in node.body:
        target, value = None, None
        if isinstance(statement, ast.Assign):
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign):
            target, value = statement.target, statement.value
        if isinstance(target, ast.Name) and value is not None:
            try:
                facts[target.id] = ast.literal_eval(value)
            except ValueError:
                continue  # computed attributes are seen only once the file is imported
    return facts


def load_method(name: str) -> tuple[type[Detector[Any]], type[Params]]:
    """The classes of a method, imported and checked; raises ``ConfigError`` or ``PluginError``."""
    module = _load(find("method", name))
    return module.Detector, module.Params


def load_dataset(name: str) -> tuple[type[Dataset[Any]], type[Params]]:
    """The classes of a data set, imported and checked; raises ``ConfigError`` or ``PluginError``."""
    module = _load(find("dataset", name))
    return module.Dataset, module.Params


def _load(entry: Entry) -> ModuleType:
    if entry.problem:
        raise PluginError(f"{entry.kind} '{entry.name}' ({entry.file}): {entry.problem}.")
    try:
        module = importlib.import_module(f"bench.plugins.{_module_path(entry)}")
    except Exception as error:  # a plug-in may raise anything, and must not take down a list of all of them
        said = error if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        where = f"{entry.file}{_line_in(entry.file, error)}"
        raise PluginError(f"{entry.kind} '{entry.name}' ({where}) cannot be imported: {said}.") from error
    _check(module, entry)
    return module


def _line_in(file: Path, error: Exception) -> str:
    """Where in the file it came up; nothing where it is not of its code, such as for bytes that are no text."""
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f", line {lines[-1]}" if lines else ""


def _module_path(entry: Entry) -> str:
    family = [entry.file.parent.name] if ":" in entry.name else []
    return ".".join([f"{entry.kind}s", *family, entry.file.stem])


def _check(module: ModuleType, entry: Entry) -> None:
    name = _CLASS[entry.kind]
    base: type = Detector if entry.kind == "method" else Dataset
    plugin, params = getattr(module, name), getattr(module, "Params", None)
    problems = []
    if not (isinstance(plugin, type) and issubclass(plugin, base)):
        problems.append(f"'{name}' must derive from bench.contracts.{name}")
    elif missing := getattr(plugin, "__abstractmethods__", None):
        problems.append(f"'{name}' lacks {', '.join(sorted(missing))}")
    elif not isinstance(getattr(plugin, "summary", None), str):
        problems.append(f"'{name}' lacks the attribute 'summary', one line of text")
    if not (isinstance(params, type) and issubclass(params, Params)):
        problems.append("expected a class 'Params' that derives from bench.contracts.Params")
    if problems:
        raise PluginError(f"{entry.kind} '{entry.name}' ({entry.file}): {'; '.join(problems)}.")


def make_params(owner: str, cls: type[Params], values: dict[str, Any]) -> Params:
    """Validated parameters; raises ``ConfigError`` naming the key, the value and what was expected."""
    for key in values:
        if key not in cls.model_fields:
            raise unknown_name(f"parameter of {owner}", key, cls.model_fields, f"See: bench list {owner}.")
    try:
        return cls.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "parameters"
        raise ConfigError(
            f"{owner}: --set {key}={first['input']} cannot be used. {first['msg']}. {_meaning(cls, key)}"
        ) from error


def changed_settings(method: str, preset: str, params: Mapping[str, Any], images: int | None) -> dict[str, Any]:
    """Which of ``params`` differ from the preset's, with ``images`` to learn from as in ``Detector.preset``."""
    cls, params_cls = load_method(method)
    usual = make_params(method, params_cls, dict(cls.preset(preset, images))).model_dump(mode="json")
    return {key: value for key, value in params.items() if usual.get(key) != value}


def changed_dataset_settings(dataset: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Which of ``params`` differ from the defaults of the data set; all of them where it is not known here."""
    try:
        usual = make_params(dataset, load_dataset(dataset)[1], {}).model_dump(mode="json")
    except BenchError:
        usual = {}
    return {key: value for key, value in params.items() if key not in usual or usual[key] != value}


def parameters_of(name: str) -> list[dict[str, object]]:
    """Key, default and meaning of each parameter of a method or data set."""
    known = {**entries("dataset"), **entries("method")}
    if name not in known:
        raise unknown_name("method or data set", name, known, "See: bench list methods, bench list datasets.")
    _, cls = (load_method if known[name].kind == "method" else load_dataset)(name)
    presets = _presets_of(name) if known[name].kind == "method" else {}
    return [
        {
            "key": key,
            "default": info.default,
            "presets": {
                preset: changes[key]
                for preset, changes in presets.items()
                if changes.get(key, info.default) != info.default
            },
            "meaning": info.description,
        }
        for key, info in cls.model_fields.items()
    ]


def _presets_of(method: str) -> dict[str, Mapping[str, Any]]:
    """What each preset changes."""
    cls, _ = load_method(method)
    return {name: cls.preset(name, None) for name in [*cls.presets, *cls.published] if cls.preset(name, None)}


def published_of(name: str) -> Mapping[str, Published]:
    """Presets named after a publication; none for a data set."""
    return load_method(name)[0].published if name in entries("method") else {}


def _meaning(cls: type[Params], key: str) -> str:
    info = cls.model_fields.get(key)
    return f"{key}: {info.description}; default {info.default!r}." if info else ""


def source_digest(file: Path) -> str:
    """SHA-256 over a plug-in file and every sibling it imports relatively, so that editing a shared part counts."""
    digest = sha256()
    for source in sorted(_with_siblings(file)):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _with_siblings(start: Path) -> set[Path]:
    seen: set[Path] = set()
    waiting = [start]
    while waiting:
        file = waiting.pop()
        if file not in seen:
            seen.add(file)
            waiting += _relative_imports(file)
    return seen


def _relative_imports(file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            names = [base, *(base / alias.name for alias in node.names)]
            yield from (n.with_suffix(".py") for n in names if n.with_suffix(".py").is_file())
