"""What a row of ours is called: its method, and what tells it apart from the preset and from its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bench.spec import RunSpec


class Named(Protocol):
    """A record of a run, or a timing."""

    @property
    def spec(self) -> RunSpec: ...
    @property
    def settings(self) -> Mapping[str, Any] | None: ...


def row_names(records: Sequence[Named]) -> list[str]:
    """``fanogan``, ``fanogan (latent_dim 64)``, ``ae (resize:32)``: one for each of a board's configurations."""
    several_views = len({record.spec.view for record in records}) > 1
    return [_name(record, records, several_views) for record in records]


def _name(record: Named, all_records: Sequence[Named], several_views: bool) -> str:
    settings = _undeclared(record, all_records) if record.settings is None else record.settings
    parts = [f"{key} {_text(value)}" for key, value in sorted(settings.items())]
    parts += [record.spec.view] if several_views else []
    return f"{record.spec.method} ({', '.join(parts)})" if parts else record.spec.method


def _undeclared(record: Named, all_records: Sequence[Named]) -> Mapping[str, Any]:
    """Where a record does not say what differs from the preset: what differs from the other rows of its method."""
    others = [o.spec.params for o in all_records if o.spec.method == record.spec.method and o.settings is None]
    params = record.spec.params
    return {key: params[key] for key in params if any(other.get(key) != params[key] for other in others)}


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
