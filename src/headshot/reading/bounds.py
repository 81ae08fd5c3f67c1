"""Limits of files, and what checks the sizes that they announce.

All of these raise ValueError or OSError, which `headshot.reading.complaint.reading` completes with the name
of the file.
"""

from __future__ import annotations

import errno
import io
import math
import ntpath
import os
import posixpath
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import I32, U8

MB = 1_000_000
MODEL_FILE = 450 * MB
"""Of a head model as MATLAB, HDF5 or eos file. The largest known is Basel 2019 of the full head: 58,203
vertices with 498 modes as float32, 348 MB."""
MODEL_ARRAYS = 400 * MB
"""Of the arrays that are read of such a file."""
ARRAYS = 200 * MB
"""Of the arrays of an npz or safetensors file, at least four bytes a number: GNM's head has 150 MB."""
MODEL_VERTICES, MODEL_TRIANGLES, MODEL_MODES, MODEL_JOINTS = 300_000, 600_000, 5000, 256
MESH_FILE = 100 * MB
MESH_VERTICES, MESH_TRIANGLES = 1_000_000, 2_000_000
"""Of a scan as OBJ, PLY or GLB."""
DOCUMENT = 20 * MB
"""Of JSON; a view of a head takes 32 KB, so this is room for six hundred."""
REPORT = 64 * MB
"""Of the JSON of a measurement, which holds pictures."""
TABLE = 32 * MB
"""Of CSV: thirty thousand photos with 68 points."""
TEXT = 1 * MB
"""Of lists of landmarks and mappings."""
ENTRIES = 1000
"""Variables or arrays in one file."""
PIECE = 1 << 20
"""Bytes that are read at once."""


def open_regular(file: str | Path, limit: int) -> IO[bytes]:
    """Open a file for reading.

    Args:
        file: where; pipes and devices, which never end, are no files.
        limit: bytes that it may have.

    Raises:
        OSError: there is none, or it cannot be read.
        ValueError: it is larger, or no regular file.
    """
    path = Path(file)
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise ValueError("it is no regular file")
    stream = path.open("rb")
    size = os.fstat(stream.fileno()).st_size
    if size > limit:
        stream.close()
        raise ValueError(f"it has {size / MB:,.0f} MB; the limit is {limit / MB:g} MB")
    return stream


def read_bytes(file: str | Path, limit: int) -> bytes:
    """All of a file; see `open_regular`."""
    with open_regular(file, limit) as stream:
        return stream.read()


def size_of(what: str, shape: Sequence[int], itemsize: int, *, there: float, limit: int) -> int:
    """The bytes of an array that a file announces.

    Args:
        what: its name, for messages.
        shape: as the file says.
        itemsize: bytes of an element; elements of no bytes count as one, since they are looped over.
        there: bytes from which it is to come.
        limit: most that may be taken for it.

    Raises:
        ValueError: a size is negative, or it is more than one of these.
    """
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in shape):
        raise ValueError(f"{what} has the impossible size {tuple(shape)}"[:300])
    size = math.prod(shape) * max(itemsize, 1)
    if size > there:
        raise ValueError(f"{what} is said to take {size:.4g} bytes, of which {there:.4g} are there")
    if size > limit:
        raise ValueError(f"{what} takes {size / MB:,.0f} MB; the limit is {limit / MB:,.0f} MB")
    return size


def require_at_most(limit: int, **counts: int) -> None:
    """Refuse numbers of things above a limit, before names are made for them or loops begin."""
    for what, count in counts.items():
        if count > limit:
            raise ValueError(f"it has {count:,} {what}; the limit is {limit:,}")


def require_mesh(
    vertices: int, triangles: int, limits: tuple[int, int] = (MODEL_VERTICES, MODEL_TRIANGLES)
) -> None:
    """Refuse meshes above the limits, before anything is computed from them."""
    require_at_most(limits[0], vertices=vertices)
    require_at_most(limits[1], triangles=triangles)


def index_of(what: str, values: NDArray[Any], limit: int, shape: tuple[int, ...] | None = None) -> I32:
    """Numbers of items, as int32.

    Args:
        what: their name, for messages.
        values: integers, or floats that hold some, as MATLAB has them.
        limit: so many items there are, counted from 0.
        shape: that they must have.

    Raises:
        ValueError: they have another shape, or point to what is not there.
    """
    if shape is not None and values.shape != shape:
        raise ValueError(f"{what} has shape {values.shape}, expected {shape}")
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{what} holds {values.dtype}, expected integers")
    if values.size and not 0 <= values.min() <= values.max() < limit:  # NaN is neither
        raise ValueError(f"{what} index {values.min():g}..{values.max():g}, but there are {limit:,}")
    return values.astype(np.int32)


def inside(folder: Path, name: str) -> Path:
    """The file that a data file names, which must lie in a folder.

    Links in the folder are followed: who put them there is the user.

    Raises:
        ValueError: the name is empty or absolute, or leads out of the folder.
    """
    unified = name.replace("\\", "/")
    outside = posixpath.normpath(unified).split("/")[0] == ".."
    if not name or "\0" in name or outside or unified.startswith("/") or ntpath.splitdrive(name)[0]:
        raise ValueError(f"{name[:200]!r} does not lie in {folder}")
    return folder / name


class Span:
    """A part of a file of a known length, read from front to back."""

    def __init__(self, stream: IO[bytes], length: int) -> None:
        self._stream, self.left = stream, length

    @property
    def most(self) -> float:
        """Bytes that can still come."""
        return self.left

    def read(self, count: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            ValueError: there are fewer.
        """
        if not 0 <= count <= self.left:
            raise ValueError(f"{count} bytes are announced where {self.left} are left")
        found = self._stream.read(count)
        if len(found) != count:
            raise ValueError(f"it ends {count - len(found)} bytes too early")
        self.left -= count
        return found

    def some(self, count: int) -> bytes:
        """Up to so many bytes; none at the end."""
        return self.read(min(count, self.left))

    def skip(self, count: int) -> None:
        """Leave out so many bytes."""
        if not 0 <= count <= self.left:
            raise ValueError(f"{count} bytes are announced where {self.left} are left")
        self._stream.seek(count, io.SEEK_CUR)
        self.left -= count

    def array(self, what: str, shape: Sequence[int], kind: str, limit: int = MODEL_ARRAYS) -> NDArray[Any]:
        """An array of a NumPy type; see `size_of` for errors."""
        dtype = np.dtype(kind)
        raw = np.empty(size_of(what, shape, dtype.itemsize, there=self.most, limit=limit), np.uint8)
        self.fill(raw)
        return raw.view(dtype).reshape(tuple(shape))

    def fill(self, raw: U8) -> None:
        """Read bytes into an array (n,)."""
        for at in range(0, len(raw), PIECE):
            piece = self.read(min(PIECE, len(raw) - at))
            raw[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
