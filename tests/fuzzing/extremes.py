"""The largest files that the limits allow, the largest models that exist, and files that claim to be larger.

Some take a second or more to write and hundreds of megabytes of disk: these are for ``benchmarks/fuzz.py``.
Those of `CLAIMS` are small, and `tests/test_fuzz.py` has them too.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from headshot.reading.bounds import DOCUMENT, MB, MESH_FILE, TABLE

from . import containers, samples
from .mutate import packed
from .subject import Case, reads

Maker = Callable[[Path], Path]
"""Writes files to a folder, and says which is to be read."""

MESH, TABLES = "headshot.evaluate.meshes", "headshot.datasets.annotations"
_model = reads("headshot.models.readers", "read_model")
FULL = 231
"""Side of a sheet of 53,361 vertices, as Basel 2009 has."""


def _sheet(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (side², 3) mm and triangles of a bulging sheet."""
    u, v = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    points = np.stack([70 * u, 90 * v, 60 * (1 - 0.7 * u**2 - 0.3 * v**2)], axis=-1).reshape(-1, 3)
    c = np.arange(side * side).reshape(side, side)
    quads = [x.ravel() for x in (c[:-1, :-1], c[:-1, 1:], c[1:, 1:], c[1:, :-1])]
    return points, np.concatenate([np.stack(quads, 1)[:, [0, 1, 2]], np.stack(quads, 1)[:, [0, 2, 3]]])


def _marks(points: np.ndarray) -> np.ndarray:
    """(68,) the vertices nearest to the small sheet's landmarks."""
    return np.array([((points - p) ** 2).sum(axis=1).argmin() for p in samples.POINTS[samples.MARKS]])


def basel2009(folder: Path) -> Path:
    """Basel 2009 of full size: 53,361 vertices, 199 modes, 255 MB of arrays."""
    points, triangles = _sheet(FULL)
    basis = np.zeros((points.size, 199), np.float32)
    basis[::7] = 0.01
    deviation = np.ones((199, 1), np.float32)
    one = np.arange(1, len(points) + 1)[:, None]
    variables = {
        "01_MorphableModel.mat": {
            "shapeMU": (points * 1000).reshape(-1, 1).astype(np.float32), "shapePC": basis,
            "shapeEV": deviation, "texMU": np.full((points.size, 1), 100, np.float32), "texPC": basis,
            "texEV": deviation, "tl": (triangles + 1).astype(np.float64),
        },
        "select_vertex_id.mat": {"select_id": one.astype(np.uint16)},
        "facemodel_info.mat": {"keypoints": _marks(points)[None] + 1.0},
    }  # fmt: skip
    for name, arrays in variables.items():
        (folder / name).write_bytes(containers.mat(arrays))
    return folder / "01_MorphableModel.mat"


def basel2019(folder: Path, chunks: bool = False) -> Path:
    """Basel 2019 of the full head: 58,081 vertices, 498 modes, 348 MB."""
    import h5py

    points, triangles = _sheet(241)
    file = folder / "model2019_fullHead.h5"
    with h5py.File(file, "w") as out:
        for part, modes in (("shape", 199), ("color", 199), ("expression", 100)):
            mean = points.ravel() if part == "shape" else np.full(points.size, 0.5 * (part == "color"))
            out[f"{part}/model/mean"] = mean.astype(np.float32)
            out[f"{part}/model/pcaVariance"] = np.ones(modes, np.float32)
            settings: dict[str, Any] = {"chunks": (4096, modes), "compression": "gzip"} if chunks else {}
            basis = out.create_dataset(f"{part}/model/pcaBasis", (points.size, modes), "<f4", **settings)
            for at in range(0, points.size, 16384):
                basis[at : at + 16384] = 0.01
        out["shape/representer/cells"] = triangles.T.astype(np.int32)
        marks = [
            {"id": n, "coordinates": samples.POINTS[10 * k].tolist()}
            for k, n in enumerate(
                ("center.chin.tip", "center.nose.tip", "right.eye.corner_outer", "right.eye.corner_inner",
                 "left.eye.corner_inner", "left.eye.corner_outer", "right.lips.corner", "left.lips.corner")
            )
        ]  # fmt: skip
        out["metadata/landmarks/json"] = json.dumps(marks)
    return file


def eos(folder: Path) -> Path:
    """Basel 2017 as eos converts it: 53,361 vertices, 498 modes, 319 MB."""
    points, triangles = _sheet(FULL)
    file = folder / "bfm2017_53361.bin"
    with file.open("wb") as out:

        def pca(mean: np.ndarray, modes: int) -> None:
            out.write(
                packed("ii", mean.size, 1) + mean.astype("<f4").tobytes() + packed("ii", mean.size, modes)
            )
            for _ in range(modes):
                out.write(np.full(mean.size, 0.01, "<f4").tobytes())
            out.write(packed("ii", modes, 1) + np.ones(modes, "<f4").tobytes())
            out.write(packed("Q", len(triangles)) + triangles.astype("<i4").tobytes())

        out.write(packed("I", 2))
        pca(points.ravel(), 199)
        pca(np.full(points.size, 0.5), 199)
        out.write(b"\0" + packed("i", 0))
        pca(np.zeros(points.size), 100)
        out.write(packed("Q", 0))
    lines = "\n".join(f"{n + 1} = {vertex}" for n, vertex in enumerate(_marks(points)))
    (folder / "ibug_to_bfm2017_53361.txt").write_text(f"[landmark_mappings]\n{lines}\n")
    return file


def gnm(folder: Path) -> Path:
    """GNM's head of full size: 17,689 vertices, 253 + 383 modes, 145 MB."""
    points, triangles = _sheet(133)
    uv = points[:, :2] / 200 + 0.5
    modes = np.full((383, *points.shape), 1e-4, np.float32)
    arrays = samples.gnm() | {
        "template_vertex_positions": (points / 1000).astype(np.float32), "vertex_identity_basis": modes[:253],
        "joint_identity_basis": np.zeros((253, 5, 3)), "expression_basis": modes,
        "expression_names": np.array([f"e{k}" for k in range(383)]), "triangles": triangles,
        "skinning_weights": np.full((5, len(points)), 0.2), "triangle_uvs": uv[triangles],
        "pose_correctives_regressor": np.zeros((45, points.size), np.float32),
        "indices": np.repeat(_marks(points)[:, None], 3, axis=1),
    }  # fmt: skip
    np.savez(folder / "gnm_head.npz", **arrays)
    return folder / "gnm_head.npz"


def flame(folder: Path, kind: str = "f8") -> Path:
    """FLAME of full size in float64: 5,041 vertices, 400 modes, 53 MB; or in bytes, as many as fit."""
    points, triangles = _sheet(71)
    modes = 400 if kind == "f8" else 3000
    regressor = np.zeros((5, len(points)))
    regressor[:, :10] = 0.1
    arrays = samples.flame() | {
        "v_template": points / 1000, "shapedirs": np.zeros((*points.shape, modes), kind), "f": triangles,
        "posedirs": np.zeros((*points.shape, 36)), "J_regressor": regressor,
        "weights": np.full((len(points), 5), 0.2), "identity_modes": np.array(300),
        "indices": np.repeat(_marks(points)[:, None], 3, axis=1),
    }  # fmt: skip
    arrays["weights"] = np.full((len(points), 5), 0.2)
    landmarks = {"indices": arrays.pop("indices"), "weights": np.full((68, 3), 1 / 3)}
    for name in ("vt", "ft"):
        del arrays[name]
    np.savez_compressed(folder / "flame.npz", **arrays)
    np.savez(folder / "flame_landmarks.npz", **landmarks)
    return folder / "flame.npz"


def _repeated(name: str, begin: bytes, part: bytes, end: bytes = b"", size: int = MESH_FILE) -> Maker:
    """A file of one part again and again, as large as is allowed."""

    def make(folder: Path) -> Path:
        file = folder / name
        pieces = max(1, (1 << 20) // len(part))
        with file.open("wb") as out:
            out.write(begin)
            while out.tell() + pieces * len(part) + len(end) <= size:
                out.write(part * pieces)
            out.write(end)
        return file

    return make


def _scan(name: str, binary: bool) -> Maker:
    """A scan of 722,500 vertices and 1.4 million triangles."""

    def make(folder: Path) -> Path:
        points, triangles = _sheet(850)
        file = folder / name
        with file.open("wb") as out:
            if binary:
                out.write(
                    f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\nproperty float x\n"
                    f"property float y\nproperty float z\nelement face {len(triangles)}\n"
                    "property list uchar int vertex_indices\nend_header\n".encode()
                )
                out.write(points.astype("<f4").tobytes())
                rows = np.zeros(len(triangles), [("n", "u1"), ("v", "<i4", (3,))])
                rows["n"], rows["v"] = 3, triangles
                out.write(rows.tobytes())
            else:
                out.writelines(b"v %.3f %.3f %.3f\n" % tuple(p) for p in points.tolist())
                out.writelines(
                    b"f %d/%d %d/%d %d/%d\n" % (a, a, b, b, c, c) for a, b, c in (triangles + 1).tolist()
                )
        return file

    return make


def _polygons(folder: Path) -> Path:
    """A PLY of nearly two million triangles, one quad among them."""
    count = 1_999_990
    file = folder / "mixed.ply"
    with file.open("wb") as out:
        out.write(
            f"ply\nformat binary_little_endian 1.0\nelement vertex 200\nproperty float x\nproperty float y\n"
            f"property float z\nelement face {count + 1}\nproperty list uchar uchar vertex_indices\n"
            "end_header\n".encode()
        )
        out.write(bytes(200 * 12) + b"\3\0\1\2" * count + b"\4\0\1\2\3")
    return file


# --- small files that claim to be large


def ply_of_empty_faces(folder: Path) -> Path:
    """10¹² faces without corners."""
    head = (
        "ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
        f"property float z\nelement face {10**12}\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode()
    (folder / "a.ply").write_bytes(head + bytes(36) + bytes(1000))
    return folder / "a.ply"


def glb_of_large_accessors(folder: Path) -> Path:
    """10⁹ positions in one place."""
    document, binary = samples.scene()
    document["accessors"][0]["count"] = 10**9  # type: ignore[index]
    document["bufferViews"][0]["byteStride"] = 0  # type: ignore[index]
    (folder / "a.glb").write_bytes(containers.glb(json.dumps(document).encode(), binary))
    return folder / "a.glb"


def glb_of_its_own_child(folder: Path) -> Path:
    """A node with itself as its child, ten thousand times."""
    document, binary = samples.scene()
    document["nodes"][0]["children"] = [0] * 10_000  # type: ignore[index]
    (folder / "a.glb").write_bytes(containers.glb(json.dumps(document).encode(), binary))
    return folder / "a.glb"


def mat_of_gigabytes(folder: Path, megabytes: int = 6200) -> Path:
    """A file of a few MB whose one variable inflates to 6.2 GB."""
    rows = megabytes * (1 << 20) // 8 // 80
    content = containers.mat_inflating("shapeMU", (rows, 80), megabytes)
    for name in samples.basel2009():
        (folder / name).write_bytes(containers.mat(samples.basel2009()[name]))
    (folder / "01_MorphableModel.mat").write_bytes(content)
    return folder / "01_MorphableModel.mat"


def npz_of_a_billion(folder: Path) -> Path:
    """Shapes of FLAME with 10⁹ modes."""
    content = containers.npz_announcing(samples.flame(), "shapedirs", (169, 3, 10**9), "<f8")
    (folder / "flame.npz").write_bytes(content)
    return folder / "flame.npz"


def npz_of_names(folder: Path) -> Path:
    """10⁹ names of no letters, which take no memory but a loop."""
    content = containers.npz_announcing(samples.gnm(), "expression_names", (10**9,), "<U0")
    (folder / "gnm_head.npz").write_bytes(content)
    return folder / "gnm_head.npz"


def npz_of_entries(folder: Path) -> Path:
    """A hundred thousand empty files in an npz."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for k in range(100_000):
            archive.writestr(f"{k}.npy", b"")
    (folder / "a.npz").write_bytes(out.getvalue())
    return folder / "a.npz"


def hdf5_of_nothing(folder: Path) -> Path:
    """A basis of 10⁹ rows that was never written."""
    import h5py

    (folder / "a.h5").write_bytes(containers.hdf5(samples.basel2017()))
    with h5py.File(folder / "a.h5", "r+") as file:
        del file["shape/model/pcaBasis"]
        file.create_dataset(
            "shape/model/pcaBasis", (10**9, 100), "f4", chunks=(1000, 100), compression="gzip"
        )
    return folder / "a.h5"


def safetensors_of_a_billion(folder: Path) -> Path:
    """A header that is said to take 2⁶⁰ bytes."""
    (folder / "a.safetensors").write_bytes(packed("Q", 2**60) + b"{}")
    return folder / "a.safetensors"


CLAIMS: Mapping[str, tuple[Maker, Callable[[Path], object]]] = {
    "PLY of 10¹² empty faces": (ply_of_empty_faces, reads(MESH, "read_mesh")),
    "GLB of 10⁹ vertices": (glb_of_large_accessors, reads(MESH, "read_mesh")),
    "GLB of a node below itself": (glb_of_its_own_child, reads(MESH, "read_mesh")),
    "MATLAB file that inflates to 0.5 GB": (partial(mat_of_gigabytes, megabytes=500), _model),
    "npz of 10⁹ modes": (npz_of_a_billion, _model),
    "npz of 10⁹ names": (npz_of_names, _model),
    "npz of 10⁵ arrays": (npz_of_entries, _model),
    "HDF5 of 10⁹ rows": (hdf5_of_nothing, _model),
    "safetensors with a header of 2⁶⁰ bytes": (safetensors_of_a_billion, _model),
}
"""All of them are to be refused."""

LARGE: Mapping[str, tuple[Maker, Callable[[Path], object]]] = {
    "Basel 2009 of full size": (basel2009, _model),
    "Basel 2019, full head": (basel2019, _model),
    "Basel 2019, full head, packed": (partial(basel2019, chunks=True), _model),
    "Basel 2017 of eos": (eos, _model),
    "GNM of full size": (gnm, _model),
    "FLAME of full size, float64": (flame, _model),
    "FLAME with 3,000 modes of bytes": (partial(flame, kind="u1"), _model),
    "OBJ scan of 722,500 vertices": (_scan("a.obj", False), reads(MESH, "read_mesh")),
    "PLY scan of 722,500 vertices": (_scan("a.ply", True), reads(MESH, "read_mesh")),
    "PLY of 2·10⁶ polygons": (_polygons, reads(MESH, "read_mesh")),
    "OBJ of 100 MB of line breaks": (_repeated("a.obj", b"", b"\n"), reads(MESH, "read_mesh")),
    "OBJ of 100 MB of faces": (_repeated("a.obj", b"v 0 0 0\n", b"f 1 1 1\n"), reads(MESH, "read_mesh")),
    "OBJ of one polygon of 100 MB": (_repeated("a.obj", b"v 0 0 0\nf ", b"1 "), reads(MESH, "read_mesh")),
    "text PLY of 100 MB": (
        _repeated(
            "a.ply",
            b"ply\nformat ascii 1.0\nelement vertex 1000000\nproperty float x\nproperty float y\n"
            b"property float z\nelement face 50000000\nproperty list uchar int i\nend_header\n",
            b"\n",
        ),
        reads(MESH, "read_mesh"),
    ),
    "JSON of 20 MB of empty lists": (
        _repeated("a.json", b'{"schema_version": "2.0", "views": [', b"[],", b"0]}", DOCUMENT),
        reads("headshot.export.record", "read_record"),
    ),
    "JSON of 20 MB of numbers": (
        _repeated("a.json", b'{"schema_version": "2.0", "views": [', b"1.2345678901,", b"0]}", DOCUMENT),
        reads("headshot.export.record", "read_record"),
    ),
    "CSV of 32 MB of commas": (_repeated("a.csv", b"image,", b",", b"", TABLE), reads(TABLES, "read_csv")),
    "CSV of 32 MB of rows": (
        _repeated(
            "a.csv", samples.table(68, ("a.jpg",), False) + b"\n",
            samples.table(68, ("a.jpg",), False).split(b"\n")[1] + b"\n", b"", TABLE,
        ),
        reads(TABLES, "read_csv"),
    ),
    "MATLAB file that inflates to 6.2 GB": (mat_of_gigabytes, _model),
    "MATLAB file that inflates to 390 MB": (partial(mat_of_gigabytes, megabytes=370), _model),
    "npz larger than allowed": (
        _repeated("a.npz", b"PK", b"\0", b"", 1100 * MB), _model
    ),
}  # fmt: skip
"""These are read, or refused; either within the limits of memory and time."""


def _run(maker: Maker, read: Callable[[Path], object], folder: Path) -> object:
    return read(maker(folder))


def cases(seed: int) -> Iterator[Case]:
    """All of them; there is nothing random about them."""
    for name, (maker, read) in {**CLAIMS, **LARGE}.items():

        def run(maker: Maker = maker, read: Callable[[Path], object] = read) -> object:
            with tempfile.TemporaryDirectory() as folder:
                return _run(maker, read, Path(folder))

        yield name, run
