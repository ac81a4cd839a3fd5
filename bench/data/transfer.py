"""One public file fetched over HTTP, and proved to be the right one before it has its name."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import requests

from bench.contracts import Download
from bench.errors import DataError
from bench.progress import Reporter, Stage

TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 18
HEADERS = {
    "User-Agent": "fanogan-bench",  # some servers turn the library's own name away
    "Accept-Encoding": "identity",  # a server that packs the archive once more would change its checksum
}
MEGABYTE = 1_000_000


def file_name(download: Download) -> str:
    """The last part of the URL's path."""
    return unquote(PurePosixPath(urlsplit(download.url).path).name)


def to_megabytes(size: int) -> int:
    """Whole megabytes, rounded up, for progress."""
    return -(-size // MEGABYTE)


def fetch(download: Download, file: Path, by_hand: str, reporter: Reporter) -> None:
    """Download into ``file``, which appears only once its SHA-256 is right; nothing else is left behind.

    ``by_hand`` ends the message of every failure: what to do where the transfer does not work. Raises ``DataError``.
    """
    part = file.with_name(file.name + ".part")
    try:
        bar = reporter.stage(f"{file_name(download)}, MB", to_megabytes(download.size))
        with part.open("wb") as stream, bar as stage:
            size, digest = _receive(download, stream, stage)
        if digest != download.sha256:
            raise DataError(_another_file(download, size, digest, by_hand))
        part.replace(file)
    except requests.RequestException as error:
        reason = _reason(error, download, part.stat().st_size)
        raise DataError(f"{download.url} was not fetched: {reason}\n{by_hand}") from error
    finally:
        part.unlink(missing_ok=True)


def _receive(download: Download, stream: BinaryIO, stage: Stage) -> tuple[int, str]:
    """Bytes received, and their SHA-256."""
    size, digest = 0, sha256()
    most = download.size + download.size // 100 + MEGABYTE  # pages often state a rounded size: the checksum decides
    with requests.get(download.url, stream=True, timeout=TIMEOUT, headers=HEADERS) as response:
        response.raise_for_status()
        response.raw.headers.pop("Content-Encoding", None)  # some call a tar.gz encoded: it must not be unpacked here
        for chunk in response.iter_content(CHUNK):
            size += len(chunk)
            if size > most:
                raise DataError(f"{download.url}: expected {download.size:,} bytes, found more. It is another file.")
            stream.write(chunk)
            digest.update(chunk)
            stage.update(to_megabytes(size))
    return size, digest.hexdigest()


def _another_file(download: Download, size: int, digest: str, by_hand: str) -> str:
    return (
        f"{download.url} is not the file that was expected; what came is deleted.\n"
        f"  expected  SHA-256 {download.sha256}, {download.size:,} bytes\n"
        f"  found     SHA-256 {digest}, {size:,} bytes\n"
        f"Try again: it may have been damaged on its way. Found the same twice, it has been replaced by another.\n"
        f"{by_hand}"
    )


def _reason(error: requests.RequestException, download: Download, written: int) -> str:
    cause = getattr(error.args[0], "reason", error) if error.args else error
    if isinstance(error, requests.exceptions.SSLError):
        return (
            f"no trusted connection ({cause})."
            " Some servers send an incomplete chain of certificates, which browsers complete and this program does not."
        )
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}."
    if written or isinstance(error, requests.exceptions.ChunkedEncodingError):
        return (
            "the connection broke off before the file was complete"
            f" ({written:,} of {download.size:,} bytes were written). Repeat the command."
        )
    return f"{cause}. Is there a connection? Repeat the command."
