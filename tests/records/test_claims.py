"""Claims: one owner at a time, gone with its owner, and no clock is trusted."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from bench.errors import ClaimedError
from bench.records import claims
from bench.records.claims import Claims, Holder, holder_of


@pytest.fixture
def file(tmp_path):
    return tmp_path / "work" / "abc.claim"


def leave(file, holder):
    """A claim as that holder would have left it."""
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(json.dumps(asdict(holder)))


def test_a_claim_names_its_holder_and_is_gone_afterwards(file):
    with Claims().hold(file):
        holder = holder_of(file)
        assert holder.pid == os.getpid()
        assert not holder.is_gone
        with pytest.raises(ClaimedError, match=f"abc is under way: process {os.getpid()} on {holder.host}") as error:
            Claims().take(file)
        assert error.value.file == file
        assert not Claims().is_free(file)
    assert not file.exists()
    assert Claims().is_free(file)


def _race(file, gate, won):
    gate.wait()
    try:
        Claims().take(file)
    except ClaimedError:
        return
    with won.get_lock():
        won.value += 1
    time.sleep(1)  # a dead owner's claim may be taken over: stay until all have tried


def test_of_many_that_race_one_wins(file):
    context = multiprocessing.get_context("fork")
    gate, won = context.Event(), context.Value("i", 0)
    processes = [context.Process(target=_race, args=(file, gate, won)) for _ in range(8)]
    for process in processes:
        process.start()
    gate.set()
    for process in processes:
        process.join()
    assert won.value == 1


def test_a_dead_process_holds_nothing(file, caplog):
    code = f"from pathlib import Path; from bench.records.claims import Claims; Claims().take(Path({str(file)!r}))"
    dead = subprocess.Popen([sys.executable, "-c", code])
    dead.wait()
    assert holder_of(file).is_gone
    mine = Claims().take(file)
    assert holder_of(file) == mine
    assert f"taken over from process {dead.pid} on" in caplog.text
    assert "which is gone" in caplog.text


def test_another_process_with_the_same_id_is_another(file):
    leave(file, replace(Holder.here(), born="1"))
    assert Claims().is_free(file)


def test_a_claim_of_another_machine_is_free_only_after_silence_that_was_watched(file, monkeypatch):
    leave(file, replace(Holder.here(), machine="elsewhere", born="1"))
    now = [1000.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    watching = Claims()
    assert not watching.is_free(file)
    now[0] += claims.SILENCE - 1
    assert not watching.is_free(file)
    os.utime(file, (0, 0))  # a sign of life, by a clock that was set back by decades
    assert not watching.is_free(file)
    now[0] += claims.SILENCE - 1
    assert not watching.is_free(file)
    now[0] += 2
    assert watching.is_free(file)
    assert not Claims().is_free(file)  # one who has just come does not know
    watching.take(file)
    assert holder_of(file).pid == os.getpid()


def test_an_owner_gives_signs_of_life_and_notices_a_takeover(file, monkeypatch):
    monkeypatch.setattr(claims, "BEAT", 0.02)
    lost = []
    with Claims(on_lost=lost.append).hold(file):
        os.utime(file, (0, 0))
        before = time.monotonic()
        while file.stat().st_mtime == 0:
            assert time.monotonic() < before + 10
        other = replace(Holder.here(), token="theirs")
        file.unlink()
        leave(file, other)
        while not lost:
            assert time.monotonic() < before + 20
    assert lost == [file]
    assert holder_of(file) == other  # it is not removed with the one that was lost


def test_an_owner_that_cannot_give_signs_of_life_does_not_go_on_without(file):
    """Others would take its claim for stale after minutes, and two processes would do one run."""
    claims_of_ours = Claims()
    mine = claims_of_ours.take(file)
    file.unlink()
    with pytest.raises(FileNotFoundError), claims_of_ours.keep(file, mine):
        pytest.fail("the block was entered without a heartbeat")


def test_a_claim_made_for_a_process_is_taken_over_by_it_alone(file):
    made = Claims().take(file)
    with pytest.raises(ClaimedError):
        Claims("another token").take(file)
    assert Claims(made.token).take(file).token == made.token
    Claims().give_back(file, "another token")
    assert file.exists()
    Claims().give_back(file, made.token)
    assert not file.exists()


def test_a_damaged_claim_is_respected_until_it_was_silent(file, monkeypatch):
    file.parent.mkdir()
    file.write_text("{")
    watching = Claims()
    assert not watching.is_free(file)
    monkeypatch.setattr(claims, "SILENCE", -1.0)
    assert watching.is_free(file)
    watching.take(file)


def test_without_hard_links_it_works_too(file, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(claims.os, "link", refuse)
    mine = Claims().take(file)
    assert holder_of(file) == mine


def test_a_claim_outlives_its_process_until_whoever_started_that_has_written_its_row(file):
    """Another grid must not begin the run in the moment between the death of a process and its row in the table."""
    ours = Claims()
    token = ours.take(file).token
    dies = (
        "import os, sys; from pathlib import Path; from bench.records.claims import Claims;"
        " Claims(sys.argv[1]).take(Path(sys.argv[2])); os._exit(3)"
    )
    assert subprocess.run([sys.executable, "-c", dies, token, str(file)], timeout=60).returncode == 3
    assert holder_of(file).pid != os.getpid()
    assert not holder_of(file).is_gone
    with pytest.raises(ClaimedError):
        Claims().take(file)
    ours.give_back(file, token)
    assert Claims().take(file).token != token
