"""Small valid files of every format, with made-up content."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path

import numpy as np

from .mutate import packed

GRID = 13
ROOT = Path(__file__).resolve().parent.parent.parent
Files = dict[str, bytes]
"""Content by name; the first is the one that is read."""


def surface() -> tuple[np.ndarray, np.ndarray]:
    """A bulging sheet like a face: vertices (169, 3) mm, triangles (288, 3) seen from outside."""
    u, v = np.meshgrid(np.linspace(-1, 1, GRID), np.linspace(-1, 1, GRID))
    points = np.stack([70 * u, 90 * v, 60 * (1 - 0.7 * u**2 - 0.3 * v**2)], axis=-1).reshape(-1, 3)
    corner = np.arange(GRID * GRID).reshape(GRID, GRID)
    a, b, c, d = (x.ravel() for x in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]))
    return points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


POINTS, TRIANGLES = surface()
_RANDOM = np.random.default_rng(4)
MARKS = _RANDOM.permutation(len(POINTS))[:68]
# The outer corners of the eyes, 93 mm apart.
MARKS[[36, 45]] = 8 * GRID + 2, 8 * GRID + 10
MODES = _RANDOM.standard_normal((7, *POINTS.shape))


def _random() -> np.random.Generator:
    """The same numbers for everybody, in whatever order samples are made."""
    return copy.deepcopy(_RANDOM)


# --- head models


def _matrix(values: np.ndarray) -> bytes:
    v = np.asarray(values, "<f4")
    v = v[:, None] if v.ndim == 1 else v
    return packed("ii", *v.shape) + v.tobytes(order="F")


def _vector(values: np.ndarray, kind: str) -> bytes:
    return packed("Q", len(values)) + np.asarray(values, kind).tobytes()


def _text(value: str) -> bytes:
    return packed("Q", len(value)) + value.encode()


def eos(version: int = 4) -> Files:
    """A model of eos with colour model, blendshapes, landmarks and texture, and its companions."""
    flat = MODES.reshape(7, -1).T
    data = packed("I", version)
    for basis, mean in ((flat[:, :5], POINTS.ravel()), (flat[:, 5:], np.full(POINTS.size, 0.5))):
        data += _matrix(mean) + _matrix(basis) + _matrix(np.ones(basis.shape[1])) + _vector(TRIANGLES, "<i4")
    shapes = packed("Q", 2) + b"".join(
        _text(n) + _matrix(flat[:, k]) for k, n in enumerate(("smile", "frown"))
    )
    data += b"\0" + packed("i", 1) + shapes + b"\0" + packed("Q", 68)
    data += b"".join(_text(str(n + 1)) + packed("i", int(vertex)) for n, vertex in enumerate(MARKS))
    data += _vector(_random().uniform(0, 1, (len(POINTS), 2)), "<f8") + _vector(TRIANGLES, "<i4")
    lines = "\n".join(f"{n + 1} = {vertex}" for n, vertex in enumerate(MARKS))
    contours = {"model_contour": {"right_contour": [143, 130, 117], "left_contour": [155, 142, 129]}}
    return {
        "toy_shape_169.bin": data,
        "expression_blendshapes_169.bin": shapes,
        "ibug_to_toy.txt": f"[landmark_mappings]\n{lines}\n".encode(),
        "toy_model_contours.json": json.dumps(contours).encode(),
    }


@cache
def basel2009() -> dict[str, dict[str, np.ndarray]]:
    """Variables of the files of Basel 2009, by name of the file."""
    v, count = len(POINTS), 82
    basis = _random().standard_normal((3 * v, count)).astype(np.float32)
    deviation, one = np.ones((count, 1), np.float32), np.arange(1, v + 1)[:, None]
    return {
        "01_MorphableModel.mat": {
            "shapeMU": (POINTS * 1000).reshape(-1, 1).astype(np.float32), "shapePC": basis,
            "shapeEV": deviation,
            "texMU": np.full((3 * v, 1), 100, np.float32), "texPC": basis, "texEV": deviation,
            "tl": (TRIANGLES + 1).astype(np.int32),
        },
        "BFM_exp_idx.mat": {"trimIndex": one.astype(np.uint16)},
        "BFM_front_idx.mat": {"idx": one.astype(np.float32)},
        "select_vertex_id.mat": {"select_id": one.astype(np.uint16)},
        "facemodel_info.mat": {
            "tri": TRIANGLES + 1.0, "point_buf": np.ones((v, 8)), "keypoints": MARKS[None] + 1.0,
            "tri_mask2": TRIANGLES + 1.0, "frontmask2_idx": one.astype(np.float32),
            "skinmask": np.ones((1, v)),
        },
    }  # fmt: skip


@cache
def expressions() -> Files:
    """The expression basis of Basel 2009."""
    modes = _random().standard_normal((65, POINTS.size)).astype("<f4")
    return {"Exp_Pca.bin": packed("i", 64) + modes.tobytes(), "std_exp.txt": b"1.5 " * 64}


@cache
def basel2017() -> dict[str, np.ndarray]:
    """Data sets of Basel 2017."""
    out: dict[str, np.ndarray] = {}
    for part, mean in (
        ("shape", POINTS.ravel()),
        ("color", np.full(POINTS.size, 0.5)),
        ("expression", np.zeros(POINTS.size)),
    ):
        out |= {
            f"{part}/model/mean": mean.astype(np.float32),
            f"{part}/model/pcaBasis": MODES.reshape(7, -1).T.astype(np.float32),
            f"{part}/model/pcaVariance": np.ones(7, np.float32),
        }
    names = (
        "center.chin.tip", "center.nose.tip", "right.eye.corner_outer", "right.eye.corner_inner",
        "left.eye.corner_inner", "left.eye.corner_outer", "right.lips.corner", "left.lips.corner",
    )  # fmt: skip
    marks = [{"id": n, "coordinates": POINTS[10 * k].tolist()} for k, n in enumerate(names)]
    return out | {
        "shape/representer/cells": TRIANGLES.T.astype(np.int32),
        "metadata/landmarks/json": np.array(json.dumps(marks)),
    }


@cache
def basel_front() -> dict[str, np.ndarray]:
    """Arrays of a prepared frontal model."""
    v = len(POINTS)
    modes = _random().standard_normal((80, v, 3)).astype(np.float32) / 100
    return {
        "mean": (POINTS / 100).astype(np.float32), "identity": modes, "expression": modes[:64],
        "texture_mean": np.full((v, 3), 100, np.float32), "texture": modes,
        "triangles": TRIANGLES.astype(np.int32), "vertex_triangles": np.zeros((v, 8), np.int32),
        "keypoints": MARKS.astype(np.int32), "front": np.arange(v, dtype=np.int32),
        "front_triangles": TRIANGLES.astype(np.int32), "skin": np.ones(v, np.float32),
    }  # fmt: skip


def _rest() -> tuple[np.ndarray, np.ndarray]:
    """Weights (V, 5) and places (5, 3) of joints, metres."""
    weights = np.full((len(POINTS), 5), 0.2)
    return weights, np.zeros((5, 3))


@cache
def flame() -> dict[str, np.ndarray]:
    """Arrays of FLAME."""
    faces = np.array([np.flatnonzero((vertex == TRIANGLES).any(axis=1))[0] for vertex in MARKS])
    corner = (TRIANGLES[faces] == MARKS[:, None]).astype(np.float64)
    regressor = np.zeros((5, len(POINTS)))
    regressor[:, :10] = 0.1
    return {
        "v_template": POINTS / 1000, "shapedirs": np.moveaxis(MODES, 0, 2) / 1000,
        "posedirs": _random().standard_normal((*POINTS.shape, 36)) / 1e4, "J_regressor": regressor,
        "kintree_table": np.array([[-1, 0, 1, 1, 1], range(5)]), "weights": _rest()[0], "f": TRIANGLES,
        "identity_modes": np.array(4), "full_lmk_faces_idx": faces, "full_lmk_bary_coords": corner,
        "vt": (POINTS[:, :2] / 200 + 0.5), "ft": TRIANGLES,
    }  # fmt: skip


@cache
def gnm() -> dict[str, np.ndarray]:
    """Arrays of GNM, with landmarks inside."""
    uv = POINTS[:, :2] / 200 + 0.5
    return {
        "version": np.array("3.0"), "template_vertex_positions": (POINTS / 1000).astype(np.float32),
        "template_joint_positions": _rest()[1], "vertex_identity_basis": MODES[:4] / 1000,
        "joint_identity_basis": np.zeros((4, 5, 3)), "expression_basis": MODES[4:] / 1000,
        "joint_names": np.array(["neck", "head", "chin", "left_eye", "right_eye"]),
        "expression_names": np.array(["a", "b", "c"]), "joint_parent_indices": np.array([0, 0, 1, 1, 1]),
        "skinning_weights": _rest()[0].T, "triangles": TRIANGLES, "triangle_uvs": uv[TRIANGLES],
        "pose_correctives_regressor": np.zeros((45, POINTS.size)),
        "indices": MARKS[:, None] * np.ones((1, 3), int), "weights": np.full((68, 3), 1 / 3),
    }  # fmt: skip


ICT_NAMES = ("browInnerUp_L", "jawOpen", "mouthSmile_R")


@cache
def ict() -> dict[str, np.ndarray]:
    """Arrays of ICT's sizes around the surface of the bundled head: its skin, and its eyeballs."""
    from headshot.models.head_model import load_head_model
    from headshot.models.readers.ict import ORIGIN, PARTS, VERTICES

    head = load_head_model("low")
    mean = np.zeros((VERTICES, 3))
    triangles = []
    for part, name in (("skin", "skin"), ("eye_left", "eye_left"), ("eye_right", "eye_right")):
        used, index = np.unique(head.part_triangles(part), return_inverse=True)
        first = PARTS[name][0]
        mean[first : first + len(used)] = (head.mean[used] + ORIGIN) / 10
        triangles.append(first + index.reshape(-1, 3))
    cornea = np.array([[22221, 22222, 22223]])
    faces = np.concatenate([cornea, *triangles]).astype(np.int32)
    rng = np.random.default_rng(3)
    uv = rng.uniform(0, 1, (500, 2)) + np.stack([rng.integers(0, 7, 500), np.zeros(500)], axis=1)
    return {
        "mean": np.round(mean, 4).astype(np.float32),
        "identity": np.round(rng.normal(0, 0.1, (2, VERTICES, 3)), 4).astype(np.float32),
        "expression": np.round(rng.normal(0, 0.1, (3, VERTICES, 3)), 4).astype(np.float32),
        "expression_names": np.array(ICT_NAMES),
        "triangles": faces,
        "triangle_uv": rng.integers(0, 500, faces.shape).astype(np.int32),
        "uv": np.round(uv, 5).astype(np.float32),
    }


def network() -> bytes:
    """An ONNX network that takes faces as a recogniser does: their mean colours."""
    from onnx import TensorProto, helper

    taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 3, 112, 96])
    given = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 3])
    weight = helper.make_tensor("w", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Mul", ["f", "w"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "mean", [taken], [given], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model.SerializeToString()


# --- meshes


def obj() -> bytes:
    """An OBJ with texture coordinates and quads among its triangles."""
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in POINTS]
    lines += [f"vt {x:.4f} {y:.4f}" for x, y in POINTS[:, :2] / 200 + 0.5]
    lines += ["f " + " ".join(f"{c}/{c}" for c in t) for t in (TRIANGLES[2:] + 1).tolist()]
    return "\n".join([*lines, "f 1/1 2/2 15/15 14/14", "f -1//1 -2//1 -3//1"]).encode()


def ply(form: str, mixed: bool = False) -> bytes:
    """A PLY as text or binary, of triangles, or with a quad among them."""
    faces = [t.tolist() for t in TRIANGLES] + ([[0, 1, 14, 13]] if mixed else [])
    head = (
        f"ply\nformat {form} 1.0\ncomment made up\nelement vertex {len(POINTS)}\nproperty float x\n"
        f"property float y\nproperty float z\nproperty uchar red\nelement face {len(faces)}\n"
        "property list uchar int vertex_indices\nend_header\n"
    ).encode()
    if form == "ascii":
        rows = [f"{x:.4f} {y:.4f} {z:.4f} 7" for x, y, z in POINTS] + [
            " ".join(map(str, [len(f), *f])) for f in faces
        ]
        return head + "\n".join(rows).encode()
    order = "<" if form == "binary_little_endian" else ">"
    table = np.zeros(
        len(POINTS), [("x", order + "f4"), ("y", order + "f4"), ("z", order + "f4"), ("red", "u1")]
    )
    table["x"], table["y"], table["z"] = POINTS.T
    body = table.tobytes()
    return head + body + b"".join(bytes([len(f)]) + np.array(f, order + "i4").tobytes() for f in faces)


def scene() -> tuple[dict[str, object], bytes]:
    """JSON and binary of a GLB."""
    points, faces = POINTS.astype("<f4").tobytes(), TRIANGLES.astype("<u2").tobytes()
    return {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}],
        "nodes": [{"children": [1], "translation": [1, 2, 3]}, {"mesh": 0, "rotation": [0, 0, 0, 1]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "buffers": [{"byteLength": len(points) + len(faces)}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(points), "byteStride": 12},
            {"buffer": 0, "byteOffset": len(points), "byteLength": len(faces)},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(POINTS), "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": TRIANGLES.size, "type": "SCALAR"},
        ],
    }, points + faces  # fmt: skip


# --- landmarks


def pts() -> bytes:
    """68 points of iBUG."""
    lines = "\n".join(f"{x:.3f} {y:.3f}" for x, y in 100 + POINTS[MARKS][:, :2])
    return f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n".encode()


def table(columns: int, photos: tuple[str, ...], angles: bool) -> bytes:
    """A CSV of so many points for each photo."""
    header = [
        "image",
        *(f"{a}{i}" for i in range(columns) for a in "xy"),
        *(("yaw", "pitch", "roll") if angles else ()),
    ]
    cells = [f"{v:.2f}" for v in (100 + POINTS[MARKS][:columns, :2]).ravel()] + ["30", "", "5"] * angles
    return "\n".join(",".join(row) for row in [header, *([photo, *cells] for photo in photos)]).encode()


def aflw() -> dict[str, np.ndarray]:
    """Variables of AFLW2000-3D."""
    return {"pt3d_68": POINTS[MARKS].T + 100, "Pose_Para": np.array([[0.1, -0.5, 0.2, 0, 0, 0, 1.0]])}


@cache
def head() -> Files:
    """A saved head: JSON, and a GLB with its texture."""
    import tempfile

    from headshot import Settings, reconstruct
    from headshot.texture import TextureSettings

    settings = Settings(detail="low", preset="fast", texture=TextureSettings(size=256))
    with tempfile.TemporaryDirectory() as folder:
        reconstruct(ROOT / "photos" / "astronaut.jpg", settings=settings).save(folder, formats="glb,json")
        files = sorted(Path(folder).iterdir(), key=lambda file: file.suffix != ".json")
        return {file.name: file.read_bytes() for file in files}
