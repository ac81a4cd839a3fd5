"""Whole runs: what is recorded, what repeats, what resumes, and what happens when things go wrong."""

from __future__ import annotations

import json
import random

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import TINY, Silent
from sklearn.metrics import average_precision_score, roc_auc_score

from bench.errors import DivergedError
from bench.records.record import Record
from bench.records.stages import StageStore
from bench.stopping import StopRequest
from bench.training.services import RunContext, TrainingLoop


def scores_of(record, part="test"):
    frame = pd.read_parquet(record.folder / "scores.parquet")
    return frame[frame.part == part].reset_index(drop=True)


def test_a_record_holds_what_was_measured(run_toy):
    (record,) = run_toy("fanogan", settings=TINY)
    assert record.status == "done"
    frame = scores_of(record)
    for name, metrics in {"score": record.metrics.score, **record.metrics.parts}.items():
        assert metrics.auroc == pytest.approx(roc_auc_score(frame.label, frame[name]), abs=1e-12)
        assert metrics.average_precision == pytest.approx(average_precision_score(frame.label, frame[name]), abs=1e-12)
    assert (record.counts.train, record.counts.val) == (96, 16)
    assert (record.counts.test_normal, record.counts.test_anomalous, record.counts.test_groups) == (24, 24, 12)
    assert len(scores_of(record, "val")) == 16
    assert record.provenance["command"]
    assert record.marks() == ["quick", "synthetic"]
    files = {file.name for file in record.folder.iterdir()}
    assert {
        "record.json", "scores.parquet", "training.csv", "weights.safetensors", "samples.png", "interpolation.png",
        "extremes.png", "training.png",
    } <= files  # fmt: skip


def test_the_threshold_comes_from_normal_validation_images(run_toy):
    (record,) = run_toy("intensity")
    point, val, test = record.metrics.operating_point, scores_of(record, "val"), scores_of(record)
    assert (val.score < point.threshold).mean() >= 0.95
    called = test.score >= point.threshold
    assert point.sensitivity == pytest.approx(called[test.label == 1].mean())
    assert point.specificity == pytest.approx(1 - called[test.label == 0].mean())


def test_a_record_survives_being_written_and_read(run_toy):
    (record,) = run_toy("intensity")
    again = Record.from_json((record.folder / "record.json").read_text())
    assert again.model_dump() == record.model_dump()
    content = json.loads((record.folder / "record.json").read_text()) | {"schema_version": 99}
    with pytest.raises(ValueError, match="expected schema_version 2, found 99"):
        Record.from_json(json.dumps(content))


def test_same_seed_same_scores_and_another_seed_others(run_toy):
    columns = ["score", "residual", "feature", "latent"]
    (first,) = run_toy("fanogan", settings=TINY)
    before = scores_of(first)[columns].to_numpy()
    stage = first.folder.parents[3] / "stages" / first.stages["gan"] / "stage.json"
    stage.unlink()  # so that the GAN is trained again too
    (again,) = run_toy("fanogan", settings=TINY, force=True)
    (other,) = run_toy("fanogan", settings=TINY, seeds=[1])
    assert np.array_equal(before, scores_of(again)[columns].to_numpy())
    assert not np.allclose(before, scores_of(other)[columns].to_numpy())


def test_training_log_holds_both_stages_and_held_out_errors(run_toy):
    (record,) = run_toy("fanogan", settings=TINY)
    log = pd.read_csv(record.folder / "training.csv")
    assert list(log[log.stage == "GAN"].step) == [1, 2, 3]
    assert log[log.stage == "GAN"][["wasserstein", "gradient_penalty"]].notna().all().all()
    last = log[log.stage == "encoder"].iloc[-1]
    assert last.step == 4
    assert np.isfinite([last.train_reconstruction, last.val_reconstruction]).all()


def test_a_finished_run_is_not_repeated(run_toy, silent):
    run_toy("intensity")
    silent.said.clear()
    stages = list(silent.stages)
    (record,) = run_toy("intensity")
    assert record.status == "done"
    assert silent.said == ["1 of 1 runs are recorded already; --force repeats them."]
    assert silent.stages == stages


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ("loss", "diverged", "loss became inf at step 21 of 30"),
        ("score", "diverged", "score is not a finite number for 16 of 16 images"),
        ("bug", "failed", "IndexError: a bug in a method"),
    ],
)
def test_a_failure_is_a_row_and_the_others_go_on(run_toy, how, status, reason):
    failed, fine = run_toy("explode", "intensity", settings=[f"how={how}"])
    assert failed.status == status
    assert reason in failed.reason
    assert failed.metrics is None
    assert fine.status == "done"
    assert (failed.folder / "training.csv").is_file()
    assert (failed.folder / "traceback.txt").is_file() == (status == "failed")


def test_a_failed_run_is_tried_again(run_toy, silent):
    run_toy("explode", settings=["how=bug"])
    silent.said.clear()
    (record,) = run_toy("explode", settings=["how=bug"])
    assert any("explode" in line for line in silent.said)
    assert record.status == "failed"


def stop_at(monkeypatch, stage, step):
    """Ask for a stop, as Ctrl-C does, while the given step is under way; once."""
    original, state = TrainingLoop._one_step, {"armed": True}

    def one_step(self, i, progress):
        if state["armed"] and (self._name, i) == (stage, step):
            state["armed"] = False
            self._context.stop.requested = True
        original(self, i, progress)

    monkeypatch.setattr(TrainingLoop, "_one_step", one_step)


@pytest.mark.parametrize(("stage", "step"), [("GAN", 0), ("GAN", 1), ("GAN", 2), ("encoder", 1), ("encoder", 3)])
def test_an_interrupted_run_resumes_and_ends_with_the_same_scores(run_toy, monkeypatch, tmp_path, silent, stage, step):
    (unbroken,) = run_toy("fanogan", settings=TINY)
    expected = scores_of(unbroken).drop(columns=["part"])
    log = pd.read_csv(unbroken.folder / "training.csv").drop(columns="seconds")
    unbroken.folder.rename(tmp_path / "away")
    (unbroken.folder.parents[3] / "stages").rename(tmp_path / "stages away")

    stop_at(monkeypatch, stage, step)
    (broken, *rest) = run_toy("fanogan", settings=TINY)
    assert broken.status == "interrupted"
    assert not rest
    silent.said.clear()
    (resumed,) = run_toy("fanogan", settings=TINY)
    assert resumed.status == "done"
    pd.testing.assert_frame_equal(scores_of(resumed).drop(columns=["part"]), expected, check_exact=True)
    resumed_log = pd.read_csv(resumed.folder / "training.csv").drop(columns="seconds")
    pd.testing.assert_frame_equal(resumed_log, log, check_exact=True)


def test_a_stop_ends_the_grid(run_toy, monkeypatch):
    stop_at(monkeypatch, "GAN", 1)
    records = run_toy("fanogan", "intensity", settings=TINY)
    assert [r.status for r in records] == ["interrupted"]


def test_a_repeated_run_that_fails_keeps_the_earlier_result(run_toy, monkeypatch):
    (done,) = run_toy("fanogan", settings=TINY)
    stop_at(monkeypatch, "encoder", 1)
    (again,) = run_toy("fanogan", settings=TINY, force=True)
    assert again.status == "interrupted"
    (kept,) = run_toy("fanogan", settings=TINY)
    assert (kept.status, kept.finished) == ("done", done.finished)


def test_a_damaged_checkpoint_costs_time_and_nothing_else(run_toy, monkeypatch, store):
    stop_at(monkeypatch, "encoder", 2)
    (broken,) = run_toy("fanogan", settings=TINY)
    (checkpoint,) = store.work_of(broken.spec).glob("*.checkpoint")
    checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    (record,) = run_toy("fanogan", settings=TINY)
    assert record.status == "done"


def test_a_second_signal_stops_at_once():
    stop = StopRequest()
    stop._on_signal(2, None)
    assert stop.requested
    with pytest.raises(KeyboardInterrupt):
        stop._on_signal(2, None)


def test_the_referee_seeds_the_global_generators_too(run_toy):
    run_toy("intensity", seeds=[7])
    drawn = [torch.rand(1).item(), np.random.rand(), random.random()]
    torch.manual_seed(7)
    np.random.seed(7)
    random.seed(7)
    assert drawn == [torch.rand(1).item(), np.random.rand(), random.random()]


def test_scoring_goes_on_with_smaller_batches_where_memory_does_not_suffice(run_toy, caplog):
    (easy,) = run_toy("explode", settings=["how=not"])
    (tight,) = run_toy("explode", settings=["how=not", "fits=8"])  # 48 test images: 24, 12, 6
    assert (easy.status, tight.status) == ("done", "done")
    pd.testing.assert_frame_equal(scores_of(tight), scores_of(easy), check_exact=True)
    assert tight.provenance["tiles_per_batch"] == 6
    assert "tiles_per_batch" not in easy.provenance
    assert "out of memory with 48 images at once; going on with 24" in caplog.text
    assert Record.from_json((tight.folder / "record.json").read_text()).provenance["tiles_per_batch"] == 6


def test_an_image_that_alone_is_too_large_is_a_failure(run_toy):
    (record,) = run_toy("explode", settings=["how=not", "batch_size=1", "fits=0"])
    assert record.status == "failed"


def test_training_that_does_not_fit_names_the_batch_to_try(run_toy):
    (record,) = run_toy("explode", settings=["how=not", "fits=16", "batch_size=40"])
    assert record.status == "failed"
    assert record.reason == (
        "Training with batch_size=40 does not fit into the memory of cpu: CUDA out of memory. Tried to allocate 40 GiB."
        " Try --set explode.batch_size=20."
    )
    assert (record.folder / "traceback.txt").is_file()


@pytest.mark.parametrize("how", ["loss", "weight"])
def test_a_run_that_diverged_keeps_its_last_good_checkpoint(run_toy, store, monkeypatch, how):
    """A checkpoint after every step, and from the 21st on a loss or a weight that is no number."""
    monkeypatch.setattr("bench.training.services._CHECKPOINT_EVERY", -1.0)
    (record,) = run_toy("explode", settings=[f"how={how}"])
    assert record.status == "diverged"
    assert {"loss": "loss became inf", "weight": "a weight became nan"}[how] + " at step 21 of 30" in record.reason
    (checkpoint,) = store.work_of(record.spec).glob("*.checkpoint")
    content = torch.load(checkpoint, weights_only=True)
    assert content["done"] == 20
    assert content["states"]["weight"]["value"].item() == 19
    (again,) = run_toy("explode", settings=[f"how={how}"])
    assert (again.status, again.reason) == (record.status, record.reason)


def test_a_loss_that_is_not_finite_ends_a_run_within_a_hundred_steps(tmp_path):
    """Of a loop so long that a row of the log is written every hundred steps."""
    steps = []

    def step(i):
        steps.append(i)
        return {"loss": torch.tensor(float("nan") if i >= 250 else 1.0)}

    context = RunContext(
        torch.device("cpu"), 0, tmp_path, StageStore(tmp_path / "stages"), {}, Silent(), StopRequest(), {}
    )
    with pytest.raises(DivergedError, match="loss became nan at step 300 of 50000"):
        context.loop("walk", 50_000, step, {})
    assert len(steps) == 300
