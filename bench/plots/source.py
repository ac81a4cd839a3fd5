"""The data set behind a record, opened again: for figures that show its images or need its annotations."""

from __future__ import annotations

from pathlib import Path

from bench.data.opening import OpenedDataset, label_of, open_dataset
from bench.errors import BenchError, DataError
from bench.records.saved import SavedRun


def data_of(run: SavedRun, data_root: Path | None) -> OpenedDataset:
    """The very images that the run saw: looked for in ``data_root``, else where the run found them.

    Raises ``DataError`` where they are not there any more, or are others.
    """
    spec = run.record.spec
    known = run.record.provenance.get("data_root")
    root = data_root or (Path(known) if known else None)
    try:
        data = open_dataset(spec.dataset, spec.category, dict(spec.dataset_params), root)
    except BenchError as error:
        raise DataError(
            f"This figure needs the images of {run.name}, which are not part of its record. {error}\n"
            "If they lie elsewhere now: --data-root DIR. Without images: roc, pr, scores, timing, training, latent."
        ) from error
    if data.fingerprint != spec.data:
        raise DataError(
            f"Expected the images that {run.name} was made from (fingerprint {spec.data[:12]}), found others"
            f" ({data.fingerprint[:12]}) at {data.root or label_of(data.name, data.category)}. Give the folder of the"
            " old ones, --data-root DIR, or repeat the run: bench run …"
        )
    return data
