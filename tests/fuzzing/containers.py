"""Writers of the formats that hold arrays by name, and of headers that announce more than there is."""

from __future__ import annotations

import io
import json
import zlib

import numpy as np
from numpy.lib import format as npy

from .mutate import packed


def npz(arrays: dict[str, np.ndarray]) -> bytes:
    """An npz file."""
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def npz_announcing(arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...], kind: str) -> bytes:
    """An npz file one of whose headers announces another shape and type than it has bytes for."""
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, values in arrays.items():
            content = io.BytesIO()
            if key == name:
                header = {"descr": kind, "fortran_order": False, "shape": shape}
                npy.write_array_header_1_0(content, header)
                content.write(np.ascontiguousarray(values).tobytes())
            else:
                npy.write_array(content, np.asarray(values), allow_pickle=True)
            archive.writestr(f"{key}.npy", content.getvalue())
    return out.getvalue()


def safetensors(arrays: dict[str, np.ndarray]) -> bytes:
    """A safetensors file; other types than its own are written as their bytes."""
    kinds = {
        "float64": "F64",
        "float32": "F32",
        "float16": "F16",
        "int64": "I64",
        "int32": "I32",
        "uint8": "U8",
    }
    header, content = {}, b""
    for name, values in arrays.items():
        data = np.ascontiguousarray(values).tobytes()
        kind = kinds.get(str(values.dtype), str(values.dtype))
        header[name] = {
            "dtype": kind,
            "shape": list(values.shape),
            "data_offsets": [len(content), len(content) + len(data)],
        }
        content += data
    text = json.dumps(header).encode()
    return packed("Q", len(text)) + text + content


def mat(arrays: dict[str, np.ndarray]) -> bytes:
    """A MATLAB file of level 7."""
    from scipy.io import savemat

    out = io.BytesIO()
    savemat(out, {name: np.asarray(values) for name, values in arrays.items()}, do_compression=True)
    return out.getvalue()


def mat_inflating(name: str, shape: tuple[int, int], megabytes: int) -> bytes:
    """A MATLAB file with one float64 variable, all zeros, that inflates to so much.

    It says 4 GB at most.
    """
    said = min(megabytes << 20, 2**32 - 2**20)
    header = packed("IIII", 6, 8, 6, 0) + packed("IIii", 5, 8, *shape) + packed("II", 1, len(name))
    header += name.encode() + bytes(-len(name) % 8) + packed("II", 9, said)
    packer = zlib.compressobj(9)
    begin = packer.compress(packed("II", 14, len(header) + said) + header)
    begin += packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    stream = begin + block * megabytes
    return b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + packed("II", 15, len(stream)) + stream


def hdf5(arrays: dict[str, np.ndarray]) -> bytes:
    """An HDF5 file; names are paths."""
    import h5py

    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        for name, values in arrays.items():
            array = np.asarray(values)
            file[name] = array.astype("S") if array.dtype.kind == "U" else array
    return out.getvalue()


def glb(scene: bytes, binary: bytes) -> bytes:
    """A GLB container."""
    scene += b" " * (-len(scene) % 4)
    length = 12 + 8 + len(scene) + 8 + len(binary)
    return (
        packed("4sII", b"glTF", 2, length) + packed("I4s", len(scene), b"JSON") + scene
        + packed("I4s", len(binary), b"BIN\0") + binary
    )  # fmt: skip
