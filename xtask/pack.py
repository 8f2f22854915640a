"""Packs and counts what `cargo xtask dist` makes: the same files give the same bytes.

pack.py zip OUT FOLDER    every file of a folder, by name, without times and owners
pack.py tar OUT FOLDER    the same as .tar.gz, below the name of the folder
pack.py again ARCHIVE     packs a .tar.gz anew, in the same way
pack.py sums FOLDER       SHA256SUMS beside the files of a folder, as sha256sum -c reads it
pack.py list FOLDER       prints the same
"""

import gzip
import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

# The first moment that a zip can name.
BEGINNING = (1980, 1, 1, 0, 0, 0)


def files(folder: Path) -> list[Path]:
    """Every file of a folder and those below, by name."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def pack(out: Path, folder: Path) -> None:
    """Writes a zip of a folder's files."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), BEGINNING)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())


def pack_tar(out: Path, contents: dict[str, bytes]) -> None:
    """Writes a .tar.gz of files by name."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(contents):
            # Times and owners are zero.
            entry = tarfile.TarInfo(name)
            entry.size = len(contents[name])
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(contents[name]))
    with out.open("wb") as file:
        with gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            packed.write(plain.getvalue())


def again(path: Path) -> None:
    """Packs a .tar.gz anew."""
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        contents = {member.name: archive.extractfile(member).read() for member in members}
    pack_tar(path, contents)


def listed(folder: Path) -> str:
    """The checksums of a folder's files."""
    lines = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in files(folder)
        if path.name != "SHA256SUMS"
    )
    return "".join(lines)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["zip", out, folder]:
            pack(Path(out), Path(folder))
        case ["tar", out, folder]:
            folder = Path(folder)
            inside = {f"{folder.name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
                      for path in files(folder)}
            pack_tar(Path(out), inside)
        case ["again", archive]:
            again(Path(archive))
        case ["sums", folder]:
            (Path(folder) / "SHA256SUMS").write_text(listed(Path(folder)))
        case ["list", folder]:
            print(listed(Path(folder)), end="")
        case _:
            sys.exit(__doc__)
