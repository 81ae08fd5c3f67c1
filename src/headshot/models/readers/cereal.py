"""Reading binary files of the C++ library cereal, as far as the eos model library writes them.

The format has no types, only values in the order of the C++ members (little-endian; sizes of containers are
64-bit), so a reader must know what comes. Every length is checked against what is left of the file before
anything is allocated: a damaged or foreign file gives an error, not a crash.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32
from headshot.errors import ModelFormatError


class CerealReader:
    """Reads values from the front of a file."""

    def __init__(self, file: str | Path, data: bytes) -> None:
        self.file, self.data, self.at = file, memoryview(data), 0

    def _take(self, count: int) -> memoryview:
        if not 0 <= count <= len(self.data) - self.at:
            raise ModelFormatError(
                f"{self.file} ends too early or is not a binary model of eos: {count} more bytes were "
                f"announced at position {self.at} of {len(self.data)}"
            )
        piece = self.data[self.at : self.at + count]
        self.at += count
        return piece

    def unpack(self, code: str) -> Any:
        """One number, by its `struct` code."""
        return struct.unpack("<" + code, self._take(struct.calcsize("<" + code)))[0]

    def size(self, smallest: int) -> int:
        """The size of a container whose elements take at least ``smallest`` bytes."""
        count = int(self.unpack("Q"))
        if count * max(smallest, 1) > len(self.data) - self.at:
            raise ModelFormatError(f"{self.file} is not a binary model of eos: {count} elements do not fit")
        return count

    def text(self) -> str:
        """A std::string."""
        return bytes(self._take(self.size(1))).decode("utf-8", "replace")

    def matrix(self) -> F32:
        """An Eigen matrix of floats (rows, columns); it is stored by columns."""
        rows, columns = self.unpack("i"), self.unpack("i")
        if rows < 0 or columns < 0:
            raise ModelFormatError(f"{self.file} is not a binary model of eos: a matrix is {rows}x{columns}")
        values = np.frombuffer(self._take(rows * columns * 4), "<f4")
        return values.reshape(columns, rows).T

    def rows(self, count: int, kind: str) -> NDArray[Any]:
        """A std::vector of std::array: (N, count) numbers of a NumPy type."""
        width = count * np.dtype(kind).itemsize
        n = self.size(width)
        return np.frombuffer(self._take(n * width), kind).reshape(n, count)

    def optional(self) -> bool:
        """Whether a std::optional has a value."""
        return not self.unpack("?")

    def finish(self) -> None:
        """Check that nothing is left.

        Raises:
            ModelFormatError: there is more.
        """
        left = len(self.data) - self.at
        if left:
            raise ModelFormatError(f"{self.file} is not a binary model of eos: {left} bytes are left over")


def open_cereal(file: str | Path) -> CerealReader:
    """Open a file.

    Raises:
        ModelFormatError: it cannot be read.
    """
    try:
        return CerealReader(file, Path(file).read_bytes())
    except OSError as error:
        raise ModelFormatError(f"cannot read {file}: {error.strerror or error}") from error
