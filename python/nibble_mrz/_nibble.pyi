from collections.abc import Iterable, Iterator
from os import PathLike

from . import Reading

__version__: str

def read_bytes(data: bytes, precision: str) -> Reading: ...
def read_path(path: str | PathLike[str], precision: str) -> Reading: ...
def read_pixels(data: bytes, height: int, width: int, channels: int, precision: str) -> Reading: ...

class Many(Iterator[Reading]):
    def __new__(
        cls,
        sources: Iterable[str | PathLike[str] | bytes],
        threads: int,
        precision: str,
        ordered: bool,
    ) -> Many: ...
    def __next__(self) -> Reading: ...
    def close(self) -> None: ...
