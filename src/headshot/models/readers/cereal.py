"""Reading binary files of the C++ library cereal, as far as the eos model library writes them.

The format has no types, only values in the order of the C++ members (little-endian; sizes of containers are
64-bit), so a reader must know what comes. Files keep to the rule of `headshot.reading`; errors are
ValueError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from headshot.arrays import F32
from headshot.reading.bounds import MODEL_ARRAYS, MODEL_FILE, Span, open_regular


class CerealReader(Span):
    """Reads values from the front of a file."""

    def __init__(self, stream: IO[bytes], length: int) -> None:
        super().__init__(stream, length)
        self._room = MODEL_ARRAYS

    def unpack(self, code: str) -> Any:
        """One number, by its `struct` code."""
        return struct.unpack("<" + code, self.read(struct.calcsize("<" + code)))[0]

    def size(self, smallest: int) -> int:
        """The size of a container whose elements take at least ``smallest`` bytes."""
        count = int(self.unpack("Q"))
        if count * max(smallest, 1) > self.left:
            raise ValueError(f"{count} elements are announced, which do not fit into {self.left} bytes")
        return count

    def text(self) -> str:
        """A std::string."""
        return self.read(self.size(1)).decode("utf-8", "replace")

    def matrix(self) -> F32:
        """An Eigen matrix of floats (rows, columns); it is stored by columns."""
        rows, columns = self.unpack("i"), self.unpack("i")
        return self._array("a matrix", (columns, rows), "<f4").T

    def rows(self, count: int, kind: str) -> NDArray[Any]:
        """A std::vector of std::array: (N, count) numbers of a NumPy type."""
        return self._array("a list", (int(self.unpack("Q")), count), kind)

    def optional(self) -> bool:
        """Whether a std::optional has a value."""
        return not self.unpack("?")

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            ValueError: there is more.
        """
        if self.left:
            raise ValueError(f"{self.left} bytes are left over")

    def _array(self, what: str, shape: tuple[int, int], kind: str) -> NDArray[Any]:
        found = self.array(what, shape, kind, self._room)
        self._room -= found.nbytes
        return found


@contextmanager
def open_cereal(file: str | Path) -> Iterator[CerealReader]:
    """Open a file.

    Raises:
        OSError, ValueError: it cannot be read, or is too large.
    """
    with open_regular(file, MODEL_FILE) as stream:
        yield CerealReader(stream, Path(file).stat().st_size)
