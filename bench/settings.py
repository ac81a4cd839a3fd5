"""``--set`` values, sorted by the plug-in they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench import registry
from bench.errors import ConfigError, unknown_name


@dataclass(frozen=True)
class Settings:
    """Parameter values by plug-in."""

    by_plugin: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, plugin: str) -> dict[str, Any]:
        return dict(self.by_plugin.get(plugin, {}))

    @classmethod
    def parse(cls, texts: Sequence[str], methods: Sequence[str], datasets: Sequence[str]) -> Settings:
        """A key goes to every plug-in of these that knows it; ``plugin.key`` to that one alone."""
        fields = {m: set(registry.load_method(m)[1].model_fields) for m in methods}
        fields |= {d: set(registry.load_dataset(d)[1].model_fields) for d in datasets}
        by_plugin: dict[str, dict[str, Any]] = {}
        for text in texts:
            for plugin, key, value in _assign(text, fields):
                by_plugin.setdefault(plugin, {})[key] = value
        return cls(by_plugin)


def _assign(text: str, fields: Mapping[str, set[str]]) -> list[tuple[str, str, str]]:
    name, equals, value = text.partition("=")
    plugin, dot, key = name.rpartition(".")
    if not equals or not key:
        raise ConfigError(f"Expected --set key=value or plugin.key=value, found '{text}'.")
    if dot and plugin not in fields:
        raise unknown_name("plug-in of this request", plugin, fields, "")
    owners = [plugin] if dot else [owner for owner in fields if key in fields[owner]]
    if not owners or key not in fields[owners[0]]:
        known = fields[plugin] if dot else set().union(*fields.values())
        raise unknown_name("parameter", key, known, f"See: bench list {plugin or next(iter(fields))}.")
    return [(owner, key, value) for owner in owners]
