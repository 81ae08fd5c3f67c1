"""HDF5 files, as far as head models need them; through h5py, of the extra ``basel2017``.

HDF5 can name other files, as external links, external storage and virtual data sets, and describe terabytes
in a few bytes. So of every data set its links, layout and filters are looked at before it is read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32
from headshot.reading.bounds import MODEL_ARRAYS, MODEL_FILE, PIECE, TEXT, open_regular, size_of
from headshot.reading.inflate import RATIO

_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32"}
_HOPS = 10  # of soft links that lead to soft links
_CHUNK = 130_000_000  # bytes of one chunk: a basis of Basel 2017 in one piece


class Hdf5File:
    """An open file; paths are like "shape/model/mean".

    Lookups raise KeyError where there is nothing, and ValueError where a data set is larger than its bytes,
    all together are larger than the limit, or another file is named.
    """

    def __init__(self, root: Any, limit: int) -> None:
        self._root, self._left = root, limit

    def __contains__(self, path: str) -> bool:
        try:
            self._find(path)
        except KeyError:
            return False
        return True

    def array(self, path: str) -> NDArray[Any]:
        """A data set of numbers."""
        dataset = self._numbers(path)
        return np.asarray(dataset[()])

    def columns(self, path: str) -> F32:
        """A data set (R, C) as its transpose (C, R) float32, contiguous, with no second copy in memory."""
        dataset = self._numbers(path)
        if len(dataset.shape) != 2:
            raise ValueError(f"{path} has the shape {dataset.shape}, expected rows and columns")
        rows, columns = dataset.shape
        self._take(path, (rows, columns), 4 - min(dataset.dtype.itemsize, 4), np.inf)
        out = np.empty((columns, rows), np.float32)
        # A chunk is inflated as a whole: rows of it that are asked for apart inflate it again.
        least = dataset.chunks[0] if dataset.chunks else 1
        step = least * max(1, PIECE // max(1, least * columns))
        for at in range(0, rows, step):
            out[:, at : at + step] = np.asarray(dataset[at : at + step], np.float32).T
        return out

    def text(self, path: str) -> str:
        """A data set that is one text in UTF-8."""
        dataset = self._find(path)
        self._check(path, dataset)
        self._take(path, dataset.shape, dataset.dtype.itemsize, TEXT)
        value = dataset[()]
        content = value if isinstance(value, (bytes, str)) else np.asarray(value).tobytes()
        if len(content) > TEXT:
            raise ValueError(f"{path} is a text of {len(content):,} bytes")
        return content if isinstance(content, str) else content.decode("utf-8")

    def _numbers(self, path: str) -> Any:
        dataset = self._find(path)
        self._check(path, dataset)
        if dataset.dtype.kind not in "iuf":
            raise ValueError(f"{path} holds {dataset.dtype}, expected numbers")
        stored = dataset.id.get_storage_size()
        self._take(path, dataset.shape, dataset.dtype.itemsize, stored * (RATIO if dataset.chunks else 1))
        return dataset

    def _take(self, path: str, shape: tuple[int, ...] | None, itemsize: int, there: float) -> None:
        if shape is None:
            raise ValueError(f"{path} is empty")
        if itemsize:
            self._left -= size_of(path, shape, itemsize, there=there, limit=self._left)

    def _check(self, path: str, dataset: Any) -> None:
        """Refuse what reads other files, runs filters of plug-ins, or is inflated in huge chunks."""
        import h5py

        if not isinstance(dataset, h5py.Dataset):
            raise ValueError(f"{path} is no data set")
        plan = dataset.id.get_create_plist()
        if plan.get_external_count() or plan.get_layout() not in (
            h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED,
        ):  # fmt: skip
            raise ValueError(f"{path} lies in another file, which is not read: save it into one file")
        filters = [plan.get_filter(k)[0] for k in range(plan.get_nfilters())]
        if not set(filters) <= set(_FILTERS):
            raise ValueError(f"{path} is packed; only {', '.join(_FILTERS.values())} are read")
        if dataset.chunks:
            size_of(f"a chunk of {path}", dataset.chunks, dataset.dtype.itemsize, there=np.inf, limit=_CHUNK)

    def _find(self, path: str) -> Any:
        """The object at a path, through groups and soft links of this file."""
        import h5py

        waiting, here, at, hops = path.strip("/").split("/"), self._root, "/", 0
        while waiting:
            name = waiting.pop(0)
            if not isinstance(here, h5py.Group):
                raise KeyError(f"there is no {path}")
            link = here.get(name, getlink=True)
            if link is None:
                raise KeyError(f"there is no {path}")
            if isinstance(link, h5py.ExternalLink):
                raise ValueError(f"{path} lies in another file, which is not read: save it into one file")
            if isinstance(link, h5py.SoftLink):
                hops += 1
                if hops > _HOPS:
                    raise ValueError(f"{path} leads from link to link")
                target = posixpath.normpath(posixpath.join(at, link.path))
                waiting = [*target.strip("/").split("/"), *waiting]
                here, at = self._root, "/"
                continue
            here, at = here[name], posixpath.join(at, name)
        return here


@contextmanager
def open_hdf5(file: str | Path, limit: int = MODEL_ARRAYS) -> Iterator[Hdf5File]:
    """Open a file.

    Args:
        file: where.
        limit: of all data sets that are read, bytes.

    Raises:
        ImportError: h5py is not installed.
        OSError, ValueError, RuntimeError: the file is missing, too large, or no HDF5.
    """
    import h5py

    with open_regular(file, MODEL_FILE):
        pass
    with h5py.File(file, "r") as root:
        yield Hdf5File(root, limit)
