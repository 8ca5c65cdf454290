#!/usr/bin/env python3
"""Packs a folder as .tar.gz or .zip. The same files give the same bytes on each system.

    packaging/archive.py FOLDER ARCHIVE

Times are SOURCE_DATE_EPOCH, owners are root, and the order is that of the names. A file is
executable if its mode says so, or if it is in `bin` or ends with .sh or .exe.
"""

import gzip
import os
import sys
import tarfile
import time
import zipfile
from pathlib import Path

EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


def mode_of(path: Path) -> int:
    if path.is_dir():
        return 0o755
    executable = path.stat().st_mode & 0o100 or path.parent.name == "bin" or path.suffix in (".sh", ".exe")
    return 0o755 if executable else 0o644


def paths_below(folder: Path) -> list[Path]:
    return sorted([folder, *folder.rglob("*")], key=lambda path: path.as_posix())


def write_tar(folder: Path, archive: Path) -> None:
    # The header of gzip has no name and a fixed time.
    with open(archive, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=EPOCH) as packed, tarfile.open(
        fileobj=packed, mode="w", format=tarfile.GNU_FORMAT
    ) as tar:
        for path in paths_below(folder):
            entry = tar.gettarinfo(path, path.relative_to(folder.parent).as_posix())
            entry.mode, entry.mtime = mode_of(path), EPOCH
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            if entry.isfile():
                with open(path, "rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)


def write_zip(folder: Path, archive: Path) -> None:
    # Times in a zip begin in 1980.
    date = time.gmtime(max(EPOCH, 315532800))[:6]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in paths_below(folder):
            if path.is_dir():
                continue
            entry = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), date)
            entry.create_system = 3
            entry.external_attr = (0o100000 | mode_of(path)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, path.read_bytes())


def main() -> None:
    folder, archive = Path(sys.argv[1]), Path(sys.argv[2])
    write = write_zip if archive.suffix == ".zip" else write_tar
    write(folder, archive)


main()
