"""Packs and counts what `cargo xtask dist` makes: the same files give the same bytes.

pack.py zip OUT FOLDER    every file of a folder, by name, without times and owners
pack.py sums FOLDER       SHA256SUMS beside the files of a folder, as sha256sum -c reads it
"""

import hashlib
import sys
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


def sums(folder: Path) -> None:
    """Writes the checksums of a folder's files."""
    target = folder / "SHA256SUMS"
    lines = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in files(folder)
        if path != target
    )
    target.write_text("".join(lines))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["zip", out, folder]:
            pack(Path(out), Path(folder))
        case ["sums", folder]:
            sums(Path(folder))
        case _:
            sys.exit(__doc__)
