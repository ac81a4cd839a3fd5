"""Reading a study's YAML file, so that an error says in which line it is."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from bench.errors import ConfigError, unknown_name

Location = tuple[Hashable, ...]


@dataclass(frozen=True)
class StudyFile:
    """A parsed file: its content, the line of everything in it, and its digest."""

    path: Path
    content: dict[str, Any]
    lines: dict[Location, int]
    """By keys and positions: ``("datasets", 2)``."""
    text: bytes

    @property
    def digest(self) -> str:
        return sha256(self.text).hexdigest()[:16]

    def where(self, location: Location) -> str:
        """``suite.yaml, line 7``: of the thing itself or the nearest around it that stands in the file."""
        return f"{self.path}, line {self._line(location)}"

    def error(self, location: Location, text: object) -> ConfigError:
        return ConfigError(f"{self.where(location)}: {text}")

    def validate(self, model: type[BaseModel]) -> dict[str, Any]:
        """What the file says, as the model's field types; raises ``ConfigError`` at the first fault."""
        try:
            return model.model_validate(self.content).model_dump(exclude_unset=True)
        except ValidationError as error:
            raise self._fault(error, model) from None

    def _fault(self, error: ValidationError, model: type[BaseModel]) -> ConfigError:
        first = min(error.errors(), key=lambda fault: self._line(tuple(fault["loc"])))
        location = tuple(first["loc"])
        if first["type"] == "extra_forbidden":
            return self.error(location, unknown_name("key", str(location[-1]), model.model_fields, ""))
        name = ".".join(map(str, location))
        return self.error(location, f"{name}: {first['msg']}, found {first['input']!r}.")

    def _line(self, location: Location) -> int:
        while location not in self.lines:
            location = location[:-1]
        return self.lines[location]


def read_study_file(path: Path) -> StudyFile:
    """Parse with YAML's safe loader; raises ``ConfigError`` with file and line where it cannot be read."""
    try:
        text = path.read_bytes()
        _refuse_aliases_and_tags(path, text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"Expected a study's file after --config; {path}: {error.strerror or error}.") from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{path}{_line_of(error)}: not YAML: {error.problem or error.context}.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigError(f"{path}: not YAML: {type(error).__name__}: {error}.") from None
    if not isinstance(content, dict) or root is None:
        raise ConfigError(f"{path}, line 1: expected keys with values, such as 'methods: [fanogan, pca]'.")
    study = StudyFile(path, content, {(): 1}, text)
    for location, line in _lines(root, (), study):
        study.lines[location] = line
    return study


def _refuse_aliases_and_tags(path: Path, text: bytes) -> None:
    """A study has no use for them, and a short text can say with them what fills the memory.

    Nor for tags (``!!timestamp x``): they ask for a type that the text need not have.
    """
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(f"{path}, line {event.start_mark.line + 1}: aliases (*{event.anchor}) are not read.")
        if getattr(event, "tag", None) is not None:
            raise ConfigError(f"{path}, line {event.start_mark.line + 1}: tags ({event.tag}) are not read.")


def _line_of(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f", line {mark.line + 1}" if mark else ""


def _lines(node: yaml.Node, at: Location, study: StudyFile) -> Iterator[tuple[Location, int]]:
    """Lines of everything below a node; raises ``ConfigError`` at a key that stands there twice."""
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield (*at, i), item.start_mark.line + 1
            yield from _lines(item, (*at, i), study)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line, name = key.start_mark.line + 1, str(key.value)
            if name in seen:
                raise ConfigError(f"{study.path}, line {line}: '{name}' stands here a second time.")
            seen.add(name)
            yield (*at, name), line
            yield from _lines(value, (*at, name), study)
