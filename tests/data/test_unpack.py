"""Archives of strangers: good ones come out as they are, hostile ones not at all outside their folder."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile

import pytest

from bench.data.unpack import is_archive, unpack
from bench.errors import DataError

LIMIT = 10_000


def tar_of(path, *members):
    """``members``: (name, content) of a file, or a TarInfo without content."""
    with tarfile.open(path, "w:" + {".gz": "gz", ".xz": "xz"}.get(path.suffix, "")) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def zip_of(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def special(name, kind):
    info = tarfile.TarInfo(name)
    info.type = kind
    return info


def zip_link(name, target):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info, target


def contents(folder):
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


GOOD = {"set/train/a.png": b"a" * 3000, "set/test/b.png": b"b", "readme": b""}


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz", "x.tar.xz", "X.ZIP"])
def test_every_kind_of_archive_comes_out_as_it_went_in(tmp_path, name):
    assert is_archive(name)
    make = zip_of if name.lower().endswith("zip") else tar_of
    archive = make(tmp_path / name, *GOOD.items())
    seen = []
    unpack(archive, tmp_path / "out", LIMIT, seen.append)
    assert contents(tmp_path / "out") == GOOD
    assert seen[-1] == archive.stat().st_size


@pytest.mark.parametrize("name", ["x.npz", "x.png", "x.gz", "x"])
def test_other_files_are_no_archives(name):
    assert not is_archive(name)


def test_a_folder_that_is_read_only_in_the_archive_can_be_filled(tmp_path):
    folder = special("set", tarfile.DIRTYPE)
    folder.mode = 0o555
    archive = tar_of(tmp_path / "x.tar", folder, ("set/a", b"a"), ("./set/b", b"b"))
    unpack(archive, tmp_path / "out", LIMIT)
    assert contents(tmp_path / "out") == {"set/a": b"a", "set/b": b"b"}
    assert (tmp_path / "out" / "set").stat().st_mode & 0o200


def test_links_inside_become_copies(tmp_path):
    members = ("set/a", b"a"), link("set/b", "a"), link("other/c", "../set/b"), link("d", "set/a", tarfile.LNKTYPE)
    unpack(tar_of(tmp_path / "x.tar", *members), tmp_path / "out", LIMIT)
    assert contents(tmp_path / "out") == dict.fromkeys(["set/a", "set/b", "other/c", "d"], b"a")
    assert not any(path.is_symlink() or path.stat().st_nlink > 1 for path in (tmp_path / "out").rglob("[a-d]"))


HOSTILE_TARS = {
    "up": ("../evil", b"!"),
    "up below": ("set/../../evil", b"!"),
    "absolute": ("/evil", b"!"),
    "Windows up": ("..\\evil", b"!"),
    "Windows drive": ("C:\\evil", b"!"),
    "symbolic link up": link("evil", "../../secret"),
    "symbolic link up from below": link("set/evil", "../../secret"),
    "absolute symbolic link": link("evil", "/etc/passwd"),
    "symbolic link to the folder above": link("evil", ".."),
    "hard link up": link("evil", "../secret", tarfile.LNKTYPE),
    "absolute hard link": link("evil", "/etc/passwd", tarfile.LNKTYPE),
    "link to nothing": link("evil", "missing"),
    "pipe": special("evil", tarfile.FIFOTYPE),
    "device": special("evil", tarfile.CHRTYPE),
}
HOSTILE_ZIPS = {
    "up": ("../evil", b"!"),
    "up below": ("set/../../evil", b"!"),
    "absolute": ("/evil", b"!"),
    "Windows up": ("set\\..\\..\\evil", b"!"),
    "Windows drive": ("C:/evil", b"!"),
    "link": zip_link("evil", "../secret"),
}


def refused(tmp_path, archive, limit=LIMIT):
    """The message; and nothing has appeared beside the folder that is unpacked to."""
    secret = tmp_path / "inner" / "secret"
    secret.parent.mkdir(exist_ok=True)
    secret.write_bytes(b"secret")
    with pytest.raises(DataError) as caught:
        unpack(archive, tmp_path / "inner" / "out", limit)
    assert contents(secret.parent / "out").keys() <= {"good"}
    assert {path.name for path in secret.parent.iterdir()} == {"secret", "out"}
    assert {path.name for path in tmp_path.iterdir()} == {"inner", archive.name}
    assert secret.read_bytes() == b"secret"
    return str(caught.value)


@pytest.mark.parametrize("trick", HOSTILE_TARS)
def test_a_hostile_tar_is_refused_by_the_name_of_its_member(tmp_path, trick):
    member = HOSTILE_TARS[trick]
    name = member.name if isinstance(member, tarfile.TarInfo) else member[0]
    archive = tar_of(tmp_path / "x.tar.gz", ("good", b"good"), member)
    message = refused(tmp_path, archive)
    assert str(archive) in message
    assert f"the member '{name}'" in message
    assert any(reason in message for reason in ("leads outside its folder", "no file unpacked before it", "a device"))


@pytest.mark.parametrize("trick", HOSTILE_ZIPS)
def test_a_hostile_zip_is_refused_by_the_name_of_its_member(tmp_path, trick):
    archive = zip_of(tmp_path / "x.zip", ("good", b"good"), HOSTILE_ZIPS[trick])
    assert "evil'" in refused(tmp_path, archive)


def test_a_link_cannot_lead_a_later_member_outside(tmp_path):
    """The classic: a link to a folder, then a file through it."""
    archive = tar_of(tmp_path / "x.tar", link("door", ".."), ("door/evil", b"!"))
    assert "'door'" in refused(tmp_path, archive)
    inner = tar_of(tmp_path / "x.tar", ("good", b"good"), link("door", "."), ("door/evil", b"!"))
    assert "no file unpacked before it" in refused(tmp_path, inner)


@pytest.mark.parametrize("members", [("a", "a/evil"), ("evil/a", "evil"), ("good", "."), ("a", "a/b/evil")])
@pytest.mark.parametrize(("make", "name"), [(tar_of, "x.tar.gz"), (zip_of, "x.zip")])
def test_a_name_cannot_be_a_file_and_a_folder(tmp_path, make, name, members):
    archive = make(tmp_path / name, *((member, b"!") for member in members))
    with pytest.raises(DataError, match="is a file and a folder at once") as caught:
        unpack(archive, tmp_path / "out", LIMIT)
    assert f"the member '{members[1]}'" in str(caught.value)


@pytest.mark.parametrize(("make", "name"), [(tar_of, "x.tar.gz"), (tar_of, "x.tar.xz"), (zip_of, "x.zip")])
def test_a_bomb_stops_at_the_limit(tmp_path, make, name):
    archive = make(tmp_path / name, ("good", b"good"), ("bomb", b"\0" * 5_000_000))
    assert archive.stat().st_size < LIMIT
    with pytest.raises(DataError, match="'bomb' goes beyond the 10,000 bytes"):
        unpack(archive, tmp_path / "out", LIMIT)
    assert sum(map(len, contents(tmp_path / "out").values())) <= LIMIT


def test_many_small_members_count_together(tmp_path):
    archive = zip_of(tmp_path / "x.zip", *((f"{i}", b"\0" * 1000) for i in range(11)))
    with pytest.raises(DataError, match="the member '10' goes beyond"):
        unpack(archive, tmp_path / "out", LIMIT)
    unpack(archive, tmp_path / "enough", 11_000)


def test_copies_of_links_count_too(tmp_path):
    archive = tar_of(tmp_path / "x.tar", ("a", b"\0" * 6000), link("b", "a"))
    with pytest.raises(DataError, match="the member 'b' goes beyond"):
        unpack(archive, tmp_path / "out", LIMIT)


def test_a_sparse_file_counts_in_full(tmp_path):
    """GNU tar's way to say a million zeros in one block."""
    info = tarfile.TarInfo("bomb")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"%011o\0" % 1_000_000  # the size it has on disk
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    archive = tmp_path / "x.tar"
    archive.write_bytes(bytes(header) + bytes(1024))
    with pytest.raises(DataError, match="'bomb' goes beyond the 10,000 bytes"):
        unpack(archive, tmp_path / "out", LIMIT)


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path):
    archive = zip_of(tmp_path / "x.zip", ("bomb", b"\0" * 5_000_000))
    data = archive.read_bytes()
    assert data.count(struct.pack("<I", 5_000_000)) == 2  # in the member's own header and in the list of all
    archive.write_bytes(data.replace(struct.pack("<I", 5_000_000), struct.pack("<I", 10)))
    with pytest.raises(DataError, match="not a readable archive"):
        unpack(archive, tmp_path / "out", LIMIT)
    assert sum(map(len, contents(tmp_path / "out").values())) <= LIMIT


@pytest.mark.parametrize("name", ["x.tar", "x.tar.gz", "x.tar.xz", "x.zip"])
def test_half_an_archive_and_no_archive_are_told(tmp_path, name):
    noise = bytes(range(256)) * 30
    archive = (zip_of if name.endswith("zip") else tar_of)(tmp_path / name, ("a", noise), ("b", noise))
    for broken in (archive.read_bytes()[: archive.stat().st_size // 2], b"<html>not found</html>"):
        archive.write_bytes(broken)
        with pytest.raises(DataError, match="not a readable archive") as caught:
            unpack(archive, tmp_path / "out", 100_000)
        assert str(archive) in str(caught.value)
