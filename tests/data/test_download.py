"""``bench data get`` against a server of our own: what arrives, what is refused, and what is left behind by neither."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from test_unpack import HOSTILE_TARS, HOSTILE_ZIPS, contents, tar_of, zip_of
from waiting import wait_until

import bench.plugins
from bench.data.download import Workshop, get
from bench.errors import DataError

NAME = "toy-download"
PLUGIN = '''
import json, os
from bench import contracts

class Params(contracts.Params):
    """None."""

class Dataset(contracts.Dataset[Params]):
    summary = "a data set for tests of bench data get"
    needs = "two archives that only a test can serve"
    licence = "a licence for tests"
    citation = "Nobody et al."
    downloads = tuple(contracts.Download(**d) for d in json.loads(os.environ["TOY_DOWNLOADS"]))

    @classmethod
    def locate(cls, folder):
        return folder / "set" if (folder / "set" / "a.png").is_file() else None

    def split(self):
        raise NotImplementedError
'''
SET = {"set/a.png": b"a" * 2000, "set/b.png": b"b", "licence.txt": b"free"}


@dataclass
class Server:
    """Answers to paths, to be changed by a test while it serves; counts what it was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    """Bytes after which the connection is closed, whatever length was announced."""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    goes_on: threading.Event = field(default_factory=threading.Event)
    """Cleared by a test that wants every answer to stop half way."""


def handler_of(server):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            if self.path in server.status:
                self.send_error(server.status[self.path])
                return
            body = server.files[self.path]
            self.send_response(200)
            for name, value in {"Content-Length": str(len(body)), **server.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            sent = body[: server.cut.get(self.path, len(body))]
            half = len(sent) // 2
            try:
                self.wfile.write(sent[:half])
                self.wfile.flush()
                server.goes_on.wait(60)
                self.wfile.write(sent[half:])
            except ConnectionError:
                pass  # the other side was killed, as a test wants it

        def log_message(self, *arguments):
            pass

    return Handler


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Server()
    served.goes_on.set()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(served)) as listening:
        served.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield served
        listening.shutdown()
        thread.join()


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A folder with the toy data set, seen by this test alone."""
    folder = tmp_path / "plugins"
    (folder / "datasets").mkdir(parents=True)
    (folder / "datasets" / "toy_download.py").write_text(PLUGIN)
    monkeypatch.setattr(bench.plugins, "__path__", [*bench.plugins.__path__, str(folder)])
    yield folder
    sys.modules.pop("bench.plugins.datasets.toy_download", None)


@pytest.fixture
def offer(server, plugins, monkeypatch):
    """Serve files and name them as the downloads of the toy data set, with changes to what it states of them."""

    def offer(*files, **changes):
        stated = []
        for file in files:
            body = file.read_bytes()
            server.files[f"/{file.name}"] = body
            about = {"url": f"{server.url}/{file.name}?download=1", "sha256": sha256(body).hexdigest()}
            server.files[f"/{file.name}?download=1"] = body
            stated.append({**about, "size": len(body), "unpacked_size": 100_000, **changes})
        monkeypatch.setenv("TOY_DOWNLOADS", json.dumps(stated))
        sys.modules.pop("bench.plugins.datasets.toy_download", None)
        return stated

    return offer


@pytest.fixture
def archive(tmp_path):
    return tar_of(tmp_path / "toy.tar.gz", *SET.items())


@pytest.fixture
def place(tmp_path):
    """An empty folder below which data may be put: ``place / "toy"`` is not there yet."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "toy"


def left_in(folder):
    """Names in a folder but for the lock, which some versions of filelock leave."""
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def refused(place, silent):
    """The message; and the place is as if nobody had tried."""
    with pytest.raises(DataError) as caught:
        get(NAME, place, silent)
    assert not place.exists()
    return str(caught.value)


@pytest.mark.parametrize(("make", "name"), [(tar_of, "toy.tar.gz"), (tar_of, "toy.tar.xz"), (zip_of, "toy.zip")])
def test_an_archive_is_fetched_unpacked_and_found(tmp_path, offer, server, place, silent, make, name):
    offer(make(tmp_path / name, *SET.items()))
    assert get(NAME, place, silent) == place / "set"
    assert contents(place) == SET
    assert left_in(place.parent) == {"toy"}
    assert server.asked == [f"/{name}?download=1"]


def test_a_server_that_calls_the_archive_an_encoding_of_it_is_understood(offer, archive, server, place, silent):
    """As Apache does: taken at its word, the archive would be unpacked on its way and fail its checksum."""
    offer(archive)
    server.headers["Content-Encoding"] = "x-gzip"
    assert get(NAME, place, silent) == place / "set"


def test_the_licence_is_told_before_anything_is_fetched(offer, archive, server, place, silent):
    offer(archive)
    server.status[f"/{archive.name}?download=1"] = 404
    refused(place, silent)
    assert "a licence for tests" in silent.said[0]
    assert "Nobody et al." in silent.said[0]
    assert str(place) in silent.said[0]


def test_progress_is_told_in_megabytes(tmp_path, offer, place, silent):
    offer(tar_of(tmp_path / "toy.tar", *SET.items(), ("noise", bytes(2_500_000))), unpacked_size=3_000_000)
    get(NAME, place, silent)
    assert silent.stages == [("toy.tar, MB", 3), ("unpack toy.tar, MB", 3)]
    assert [done for name, done in silent.updates if name == "toy.tar, MB"][-1] == 3
    assert ("toy.tar, MB", 2) in silent.updates
    assert silent.updates[-1] == ("unpack toy.tar, MB", 3)


def test_plain_files_are_put_into_their_folder(tmp_path, offer, place, silent):
    plain = tmp_path / "a.png"
    plain.write_bytes(b"a")
    offer(plain, folder="set")
    assert get(NAME, place, silent) == place / "set"
    assert contents(place) == {"set/a.png": b"a"}


def test_without_a_data_root_it_goes_below_the_environments_folder_or_the_cache(
    tmp_path, offer, archive, silent, monkeypatch
):
    offer(archive)
    assert get(NAME, None, silent) == Path(os.environ["BENCH_CACHE"]).resolve() / "data" / NAME / "set"
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "mine"))
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "other cache"))
    assert get(NAME, None, silent) == tmp_path / "mine" / NAME / "set"


def test_what_is_there_is_not_fetched_again(offer, archive, server, place, silent):
    offer(archive)
    get(NAME, place, silent)
    assert get(NAME, place, silent) == place / "set"
    assert len(server.asked) == 1
    assert f"{NAME} is already there: {place / 'set'}" in silent.said[-1]


def test_what_is_there_may_be_read_only_for_nothing_is_written_beside_it(offer, archive, server, place, silent):
    offer(archive)
    get(NAME, place, silent)
    before = [(path, path.stat().st_mtime_ns) for path in (place.parent, place, place / "set")]
    get(NAME, place, silent)
    assert [(path, path.stat().st_mtime_ns) for path, _ in before] == before


def test_a_wrong_checksum_is_refused_and_the_file_deleted(offer, archive, server, place, silent):
    (stated,) = offer(archive)
    path = f"/{archive.name}?download=1"
    right, server.files[path] = server.files[path], b"another file"
    message = refused(place, silent)
    assert stated["url"] in message
    assert f"expected  SHA-256 {stated['sha256']}, {stated['size']:,} bytes" in message
    assert f"found     SHA-256 {sha256(b'another file').hexdigest()}, 12 bytes" in message
    assert f"put it at {place / archive.name}; then 'bench data get {NAME} --data-root {place}'" in message
    assert not left_in(place.parent)
    server.files[path] = right
    assert get(NAME, place, silent) == place / "set"


def test_a_rounded_size_does_not_matter_where_the_checksum_is_right(offer, archive, place, silent):
    offer(archive, size=21_000)
    assert get(NAME, place, silent) == place / "set"


def test_a_server_that_sends_on_and_on_is_stopped(offer, archive, server, place, silent):
    (stated,) = offer(archive)
    server.files[f"/{archive.name}?download=1"] = bytes(3_000_000)
    assert f"expected {stated['size']:,} bytes, found more" in refused(place, silent)
    assert not left_in(place.parent)


@pytest.mark.parametrize("after", [0, 100, 700_000])
def test_a_cut_connection_leaves_nothing_and_can_be_tried_again(tmp_path, offer, server, place, silent, after):
    archive = tar_of(tmp_path / "toy.tar", *SET.items(), ("noise", bytes(1_000_000)))
    (stated,) = offer(archive, unpacked_size=2_000_000)
    server.cut[f"/{archive.name}?download=1"] = after
    message = refused(place, silent)
    assert f"{stated['url']} was not fetched" in message
    assert f"of {stated['size']:,} bytes were written). Repeat the command." in message
    assert not left_in(place.parent)
    server.cut.clear()
    assert get(NAME, place, silent) == place / "set"


@pytest.mark.parametrize(("status", "reason"), [(404, "404 Not Found"), (403, "403 Forbidden"), (500, "500 Internal")])
def test_a_refusal_of_the_server_is_told(offer, archive, server, place, silent, status, reason):
    (stated,) = offer(archive)
    server.status[f"/{archive.name}?download=1"] = status
    message = refused(place, silent)
    assert f"{stated['url']} was not fetched: the server answered {reason}" in message
    assert f"By hand: get {stated['url']} with a browser and put it at {place / archive.name}" in message
    assert not left_in(place.parent)


def test_an_untrusted_connection_points_to_the_browser(offer, archive, server, place, silent):
    offer(archive, url=server.url.replace("http:", "https:") + "/toy.tar.gz")
    message = refused(place, silent)
    assert "no trusted connection" in message
    assert "incomplete chain of certificates" in message
    assert "with a browser" in message


def test_nobody_answers(offer, archive, place, silent):
    offer(archive, url="http://127.0.0.1:9/toy.tar.gz")
    message = refused(place, silent)
    assert "Connection refused" in message
    assert "Is there a connection?" in message


@pytest.mark.parametrize("trick", ["up", "absolute", "symbolic link up", "hard link up", "device"])
def test_nothing_is_left_of_a_hostile_tar(tmp_path, offer, place, silent, trick):
    offer(tar_of(tmp_path / "evil.tar", *SET.items(), HOSTILE_TARS[trick]))
    assert "evil'" in refused(place, silent)
    assert not left_in(place.parent)
    assert left_in(tmp_path) == {"data", "evil.tar", "plugins"}


@pytest.mark.parametrize("trick", HOSTILE_ZIPS)
def test_nothing_is_left_of_a_hostile_zip(tmp_path, offer, place, silent, trick):
    offer(zip_of(tmp_path / "evil.zip", *SET.items(), HOSTILE_ZIPS[trick]))
    assert "evil'" in refused(place, silent)
    assert not left_in(place.parent)
    assert left_in(tmp_path) == {"data", "evil.zip", "plugins"}


@pytest.mark.parametrize("stated", [100_000, 0])
def test_nothing_is_left_of_a_bomb(tmp_path, offer, place, silent, stated):
    """Beyond what is stated, or else ten times its own size."""
    bomb = zip_of(tmp_path / "bomb.zip", *SET.items(), ("bomb", bytes(5_000_000)))
    offer(bomb, unpacked_size=stated)
    limit = stated or 10 * bomb.stat().st_size
    assert f"'bomb' goes beyond the {limit:,} bytes" in refused(place, silent)
    assert not left_in(place.parent)


def test_of_two_files_the_whole_one_is_kept_for_the_next_attempt(tmp_path, offer, archive, server, place, silent):
    offer(archive, zip_of(tmp_path / "more.zip", ("more/c.png", b"c")))
    server.status["/more.zip?download=1"] = 500
    refused(place, silent)
    server.status.clear()
    assert get(NAME, place, silent) == place / "set"
    assert contents(place) == {**SET, "more/c.png": b"c"}
    assert server.asked == [f"/{archive.name}?download=1", "/more.zip?download=1", "/more.zip?download=1"]
    assert left_in(place.parent) == {"toy"}


def test_two_files_of_one_name_are_two_files(tmp_path, offer, server, place, silent, monkeypatch):
    (tmp_path / "more").mkdir()
    first, second = tar_of(tmp_path / "x.tar", *SET.items()), tar_of(tmp_path / "more" / "x.tar", ("c", b"c"))
    (one,), (two,) = offer(first), offer(second)
    server.files["/1/x.tar"], server.files["/2/x.tar"] = first.read_bytes(), second.read_bytes()
    one["url"], two["url"] = f"{server.url}/1/x.tar", f"{server.url}/2/x.tar"
    monkeypatch.setenv("TOY_DOWNLOADS", json.dumps([one, two]))
    get(NAME, place, silent)
    assert contents(place) == {**SET, "c": b"c"}


def test_an_archive_placed_by_hand_is_verified_and_unpacked(offer, archive, server, place, silent):
    offer(archive)
    place.mkdir()
    (place / archive.name).write_bytes(archive.read_bytes())
    assert get(NAME, place, silent) == place / "set"
    assert not server.asked
    assert contents(place) == {**SET, archive.name: archive.read_bytes()}


def test_another_file_placed_by_hand_is_told_and_left_alone(offer, archive, server, place, silent):
    offer(archive)
    place.mkdir()
    (place / archive.name).write_bytes(b"mine")
    get(NAME, place, silent)
    assert len(server.asked) == 1
    assert "another file than the published one" in " ".join(silent.said)
    assert (place / archive.name).read_bytes() == b"mine"


def test_a_plain_file_placed_by_hand_is_not_fetched(tmp_path, offer, archive, server, place, silent):
    plain = tmp_path / "index.csv"
    plain.write_bytes(b"1,2")
    offer(archive, plain)
    place.mkdir()
    (place / plain.name).write_bytes(b"1,2")
    get(NAME, place, silent)
    assert server.asked == [f"/{archive.name}?download=1"]
    assert contents(place) == {**SET, "index.csv": b"1,2"}


def test_nothing_of_the_users_is_overwritten(offer, archive, place, silent):
    offer(archive)
    (place / "set").mkdir(parents=True)
    (place / "set" / "mine.png").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"holds set already.* Move that elsewhere"):
        get(NAME, place, silent)
    assert contents(place) == {"set/mine.png": b"mine"}


def test_what_was_fetched_is_kept_when_the_place_is_taken(offer, archive, server, place, silent):
    offer(archive)
    (place / "set").mkdir(parents=True)
    with pytest.raises(DataError):
        get(NAME, place, silent)
    (place / "set").rmdir()
    get(NAME, place, silent)
    assert len(server.asked) == 1


def test_archives_that_hold_something_else_are_told(tmp_path, offer, place, silent):
    offer(tar_of(tmp_path / "other.tar", ("other/a.png", b"a")))
    with pytest.raises(DataError, match="does not recognise them") as caught:
        get(NAME, place, silent)
    assert str(place) in str(caught.value)


def test_a_full_disk_is_told_before_anything_is_fetched(offer, archive, server, place, silent):
    offer(archive, size=10**18)
    message = refused(place, silent)
    assert "Expected 1000000000.0 GB of free space" in message
    assert str(place) in message
    assert not server.asked
    assert not left_in(place.parent)


def test_a_file_in_the_way_is_told(tmp_path, offer, archive, silent):
    offer(archive)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="could not be put into") as caught:
        get(NAME, tmp_path / "file" / "data", silent)
    assert "--data-root DIR" in str(caught.value)


def test_without_public_files_it_says_what_to_place_where(offer, place, silent):
    offer()
    message = refused(place, silent)
    assert "two archives that only a test can serve" in message
    assert f"Place it in {place}" in message
    assert f"bench data check {NAME} --data-root {place}" in message


def test_what_needs_nothing_is_said_to_need_nothing(place, silent):
    assert get("toy", place, silent) is None
    assert "needs no files" in silent.said[-1]


def test_what_a_killed_process_was_moving_is_moved_by_the_next(offer, archive, server, place, silent):
    """It died between two entries: the one that was moved would be taken for the whole data set."""
    offer(archive)
    (place / "set").mkdir(parents=True)
    (place / "set" / "a.png").write_bytes(b"a")
    workshop = Workshop(place)
    workshop.unpacked.mkdir(parents=True)
    (workshop.unpacked / "licence.txt").write_bytes(b"free")
    workshop.complete.touch()
    assert get(NAME, place, silent) == place / "set"
    assert contents(place) == {"set/a.png": b"a", "licence.txt": b"free"}
    assert left_in(place.parent) == {"toy"}
    assert not server.asked


@pytest.mark.skipif(not Path("/proc").is_mount(), reason="no mount point that is known to be there")
def test_at_a_mount_point_all_is_made_ready_inside_for_a_rename_cannot_cross_it(tmp_path):
    assert Workshop(Path("/proc")).folder.parent == Path("/proc")
    assert Workshop(tmp_path).folder.parent == tmp_path.parent


def command(plugins, place):
    return [sys.executable, "-m", "bench", "data", "get", NAME, "--data-root", str(place), "--plugins", str(plugins)]


def started(plugins, place):
    return subprocess.Popen(command(plugins, place), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_second_process_waits_and_finds_it_there(offer, archive, server, plugins, place):
    offer(archive)
    server.goes_on.clear()
    with started(plugins, place) as first:
        wait_until(lambda: server.asked)
        with started(plugins, place) as second:
            assert f"Another process is putting files into {place}" in second.stderr.readline()
            server.goes_on.set()
            ends = [process.communicate(timeout=60) for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0]
    assert [out.strip() for out, _ in ends] == [str(place / "set")] * 2
    assert "is already there" in ends[1][1]
    assert len(server.asked) == 1
    assert contents(place) == SET
    assert left_in(place.parent) == {"toy"}


def test_a_killed_process_leaves_nothing_in_place_and_the_next_succeeds(offer, archive, server, plugins, place, silent):
    offer(archive)
    server.goes_on.clear()
    with started(plugins, place) as process:
        wait_until(lambda: server.asked)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not place.exists()
    server.goes_on.set()
    assert get(NAME, place, silent) == place / "set"
    assert left_in(place.parent) == {"toy"}
