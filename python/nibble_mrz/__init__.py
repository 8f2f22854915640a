"""Reads the machine-readable zones of passports, identity cards and visas, on this machine.

>>> import nibble_mrz
>>> nibble_mrz.read("passport.jpg")["document"]["surname"]
'ERIKSSON'

Nothing is sent anywhere. Other threads of Python run while a picture is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypedDict, Union

from ._nibble import Many, __version__, read_bytes, read_path, read_pixels

__all__ = [
    "Check",
    "Document",
    "Found",
    "Model",
    "Reading",
    "ReadingError",
    "Review",
    "Vehicle",
    "__version__",
    "read",
    "read_many",
]

Precision = Literal["u4", "u8", "f32"]
"""Arithmetic of the network: 4 bits, 8 bits, or single precision."""


class Model(TypedDict):
    """The weights: their release, and the FNV-1a 64 of their file."""

    version: str
    hash: str


class Check(TypedDict):
    """Whether one check digit agrees."""

    field: str
    ok: bool


class Review(TypedDict):
    """A character that was changed or is doubtful, or a note about the picture."""

    line: int | None
    pos: int | None
    raw: str
    alt: str
    confidence: float
    note: str | None


class Vehicle(TypedDict):
    """What a registration certificate says of its vehicle. The date is ISO 8601, or None."""

    registration_number: str
    identification_number: str
    first_registration: str | None
    category: str
    body: str
    make: str
    model: str


class _Document(TypedDict, total=False):
    birth_date_partial: str
    vehicle: Vehicle
    mrz_key: str
    names_may_be_truncated: bool


class Document(_Document):
    """The fields of a zone. Dates are ISO 8601, or None where there is none."""

    format: str
    issuer: str
    surname: str
    given_names: str
    document_number: str
    nationality: str
    birth_date: str | None
    expiry_date: str | None
    sex: str | None
    optional: str


class _Found(TypedDict, total=False):
    not_valid_because: list[str]


class Found(_Found):
    """One document of a picture."""

    lines: list[str]
    raw_lines: list[str]
    valid: bool
    document: Document
    checks: list[Check]
    review: list[Review]
    quads: list[list[list[float]]]
    confidences: list[list[float]]


class ReadingError(TypedDict):
    """Why a picture was not read: a code for programs and a message for people."""

    code: str
    message: str


class _Reading(TypedDict, total=False):
    not_valid_because: list[str]
    index: int


class Reading(_Reading):
    """What was read in a picture: docs/json.md describes each key.

    `error` is None for a picture that could be read, with a zone or without. `index` is the place
    of the picture in the input of read_many.
    """

    schema: int
    file: str | None
    precision: str
    model: Model
    lines: list[str]
    raw_lines: list[str]
    valid: bool
    document: Document | None
    checks: list[Check]
    review: list[Review]
    confidences: list[list[float]]
    frames: int
    quads: list[list[list[float]]]
    documents: list[Found]
    digest: str | None
    gray_digest: str | None
    kernel: str
    isa: str
    ms: dict[str, float]
    error: ReadingError | None


Path = Union[str, "os.PathLike[str]"]


def read(picture: Path | bytes | bytearray | Any, *, precision: Precision = "u4") -> Reading:
    """Reads one picture.

    `picture` is a path, the bytes of a file (JPEG, PNG, WebP, BMP, TIFF or GIF), or pixels: a NumPy
    array of uint8, or another object with the buffer protocol, of shape (height, width) for gray,
    (height, width, 3) for RGB or (height, width, 4) for RGBA over white.

    A picture that cannot be read raises no exception: its `error` says why.

    Raises ValueError for any other precision or shape, and TypeError for any other type of object.
    """
    if isinstance(picture, (str, os.PathLike)):
        return read_path(picture, precision)
    if isinstance(picture, bytes):
        return read_bytes(picture, precision)
    try:
        view = memoryview(picture)
    except TypeError:
        raise TypeError(
            "a picture is a path, the bytes of a file, or an array of pixels, "
            f"not {type(picture).__name__}"
        ) from None
    if view.format != "B":
        raise ValueError(f"pixels are of the type uint8, not of the format {view.format!r}")
    if view.ndim == 1:
        return read_bytes(view.tobytes(), precision)
    if view.shape is None or view.ndim not in (2, 3):
        raise ValueError(f"pixels have the shape (height, width[, channels]), not {view.shape}")
    height, width = view.shape[:2]
    channels = view.shape[2] if view.ndim == 3 else 1
    return read_pixels(view.tobytes(), height, width, channels, precision)


def read_many(
    pictures: Iterable[Path | bytes],
    *,
    threads: int = 0,
    precision: Precision = "u4",
    ordered: bool = True,
) -> Iterator[Reading]:
    """Reads many pictures with some threads and yields the readings as they come.

    `pictures` are paths, or the bytes of files. They are taken one by one in the calling thread, at
    most eight for each thread ahead of what was yielded. So memory stays bounded, and the iterable
    may be endless. `threads=0` uses every core.

    Each reading has an `index`: the place of its picture in `pictures`. Readings come in order, or,
    with `ordered=False`, as soon as they are there. Pictures that cannot be read are readings with
    an `error`.

    Raises ValueError for another precision. What `pictures` raises is raised after the readings of
    the pictures before. Ctrl-C raises KeyboardInterrupt within a moment.
    """
    if threads < 0:
        raise ValueError("threads is 0 for every core, or a number of threads")
    return Many(pictures, threads, precision, ordered)
