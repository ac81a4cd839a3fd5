"""Three methods on synthetic OCT scans, held against each other on the same test images.

    python examples/compare_methods.py

Everything is small: 64 scans to learn from, 32 to test on, the quick preset. It shows the interface, not a result.
"""

from __future__ import annotations

from bench import run
from bench.boards.comparison import compare
from bench.boards.leaderboard import Known, leaderboard
from bench.boards.measures import parse_measures
from bench.records.store import RecordStore

SMALL = {"train_scans": 64, "val_scans": 16, "test_normal": 16, "test_anomalous": 16}
METHODS = ["pca", "gaussian", "intensity"]

records = run(METHODS, "oct-phantom", preset="quick", params=SMALL, results="results")
for record in records:
    if record.metrics is None:  # a failure is a record too, and says why
        print(f"{record.spec.method}: {record.status}, {record.reason}")
        continue
    score = record.metrics.score
    print(f"{record.spec.method}: AUROC {score.auroc:.3f}, {score.auroc_interval.method}")

known = Known.read(RecordStore(records[0].folder.parents[3]), with_published=False)
for board in leaderboard(known, "oct-phantom"):
    for row in board.rows:
        print(row.rank, row.name, f"{row.cells['auroc'].value:.3f}")

comparison = compare(known, METHODS, "oct-phantom", parse_measures("auroc"))
for pair in comparison.pairs:
    print(f"{pair.a} - {pair.b}: {pair.difference.effect:+.3f}, p after Holm: {pair.adjusted_p}")
