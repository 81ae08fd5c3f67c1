"""Scan errors: known displacements, perfect predictions, units, and files of every format."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headshot import HeadshotError, load_head_model
from headshot.datasets.subject import Subject
from headshot.evaluate.baselines import Head, Prediction
from headshot.evaluate.meshes import SEVEN, Shape, find_unit, read_landmarks, read_mesh, read_shape
from headshot.evaluate.scan import COLUMNS, evaluate, mean_shape, prepare, score
from headshot.geometry.align import similarity
from headshot.geometry.camera import rotation_from_angles

MODEL = load_head_model("low")
RNG = np.random.default_rng(1)


def person(seed: int) -> Shape:
    neutral = MODEL.neutral(np.random.default_rng(seed).normal(size=len(MODEL.identity)))
    marks = MODEL.landmarks["ibug68"].on(neutral, MODEL.triangles)[list(SEVEN)]
    return Shape(neutral.astype(float), MODEL.part_triangles("skin").astype(np.int64), marks.astype(float))


def moved(shape: Shape, scale: float) -> Shape:
    turn = rotation_from_angles(25, -8, 14)
    return Shape(
        scale * shape.vertices @ turn.T + [50, -20, 7],
        shape.triangles,
        scale * shape.seven @ turn.T + [50, -20, 7],
    )


def test_a_perfect_prediction_has_no_error() -> None:
    scan = prepare("x", person(0))
    found = score(scan, moved(person(0), 1.2)).values
    assert set(found) == {column.key for column in COLUMNS}
    for key in set(found) - {"metric"}:
        assert found[key] < 0.02, (key, found[key])
    assert found["metric"] > 1  # 20 % too large
    assert score(scan, moved(person(0), 1.0)).values["metric"] < 0.02


def test_a_sphere_that_is_too_large_is_off_by_the_difference() -> None:
    """Without scaling, concentric spheres of radius 100 and 103 mm are 3 mm apart everywhere."""
    scan = prepare("x", person(0))
    points = RNG.normal(size=(3000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    from scipy.spatial import ConvexHull

    faces = ConvexHull(points).simplices
    seven = points[:7]
    ball = Shape(103 * points, faces, 103 * seven)
    face = np.arange(len(points))
    target = replace(
        scan, shape=Shape(100 * points, faces, 100 * seven), measured=face, aligned=face, regions={}
    )
    found = score(target, ball).values
    assert found["metric"] == pytest.approx(3, abs=0.15)
    assert found["median"] == pytest.approx(0, abs=0.05)


def test_a_bump_is_measured_where_it_is() -> None:
    scan = prepare("x", person(0))
    nose = MODEL.regions["nose"] > 0.5
    vertices = person(0).vertices.copy()
    vertices[nose] += [0, 0, 6.0]
    found = score(scan, replace(person(0), vertices=vertices)).values
    assert found["forehead"] < 0.3 and found["mouth"] < 0.5 and found["cheek"] < 0.3
    assert found["nose"] > 3 * max(found["forehead"], found["cheek"], found["mouth"])
    assert found["median"] < 0.5 < found["mean"] + found["std"]


def test_strangers_are_as_far_as_strangers() -> None:
    """Shuffled predictions are worse than the mean face; the right person is far better."""
    own, other, mean = [], [], []
    for seed in range(3):
        scan = prepare("x", person(seed))
        own.append(score(scan, person(seed)).values["median"])
        other.append(score(scan, person(seed + 10)).values["median"])
        mean.append(score(scan, mean_shape()).values["median"])
    assert max(own) < 0.02 < np.mean(mean) < np.mean(other)


@pytest.mark.parametrize(("factor", "unit"), [(1, "mm"), (0.1, "cm"), (0.001, "m")])
def test_units_are_found(factor: float, unit: str) -> None:
    assert find_unit(mean_shape().seven * factor) == unit


@pytest.mark.parametrize("factor", [0.03, 0.5, 4.0])
def test_unclear_units_are_refused(factor: float) -> None:
    with pytest.raises(HeadshotError, match="--unit"):
        find_unit(mean_shape().seven * factor)


def write_obj(file: Path, shape: Shape, factor: float = 1.0) -> None:
    lines = ["v {} {} {}".format(*v) for v in shape.vertices * factor]
    lines += ["f {0}/{0} {1}/{1} {2}/{2}".format(*t) for t in shape.triangles + 1]
    file.write_text("\n".join(lines))
    np.savetxt(file.with_suffix(".txt"), shape.seven * factor)


SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.5]])
HALVES = np.array([[0, 1, 2], [0, 2, 3]])


def glb(points: np.ndarray, faces: np.ndarray) -> bytes:
    binary = points.astype("<f4").tobytes() + faces.astype("<u2").tobytes()
    binary += b"\0" * (-len(binary) % 4)
    split = points.size * 4
    scene = {
        "asset": {"version": "2.0"}, "scenes": [{"nodes": [0]}],
        "nodes": [{"children": [1], "translation": [1, 2, 3]}, {"mesh": 0, "scale": [2, 2, 2]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(points), "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": faces.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteLength": split},
            {"buffer": 0, "byteOffset": split, "byteLength": faces.size * 2},
        ],
        "buffers": [{"byteLength": len(binary)}],
    }  # fmt: skip
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    body = (
        struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def ply(order: str) -> bytes:
    form = {"<": "binary_little_endian", ">": "binary_big_endian", "": "ascii"}[order]
    head = f"ply\nformat {form} 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    head += "property uchar red\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    if not order:
        rows = ["{} {} {} 9".format(*p) for p in SQUARE] + ["4 0 1 2 3"]
        return (head + "\n".join(rows)).encode()
    body = b"".join(struct.pack(order + "fffB", *p, 9) for p in SQUARE) + struct.pack(
        order + "B4i", 4, 0, 1, 2, 3
    )
    return head.encode() + body


@pytest.mark.parametrize("order", ["<", ">", ""])
def test_ply(tmp_path, order: str) -> None:
    (tmp_path / "a.ply").write_bytes(ply(order))
    vertices, triangles = read_mesh(tmp_path / "a.ply")
    np.testing.assert_allclose(vertices, SQUARE)
    np.testing.assert_array_equal(triangles, HALVES)


def test_glb_with_moved_nodes(tmp_path) -> None:
    (tmp_path / "a.glb").write_bytes(glb(SQUARE, HALVES))
    vertices, triangles = read_mesh(tmp_path / "a.glb")
    np.testing.assert_allclose(vertices, SQUARE * 2 + [1, 2, 3])
    np.testing.assert_array_equal(triangles, HALVES)


def test_obj_with_polygons_and_counting_from_the_end(tmp_path) -> None:
    text = "\n".join("v {} {} {}".format(*p) for p in SQUARE) + "\nvt 0 0\nf -4/1 -3/1 -2/1 -1/1\n"
    (tmp_path / "a.obj").write_text(text)
    vertices, triangles = read_mesh(tmp_path / "a.obj")
    np.testing.assert_allclose(vertices, SQUARE)
    np.testing.assert_array_equal(triangles, HALVES)


@pytest.mark.parametrize("name", ["a.obj", "a.ply", "a.glb", "a.stl"])
@pytest.mark.parametrize(
    "content", [b"", b"v 1 2\nf 1 2 3", b"ply\nend_header\n", b"glTF\2\0\0\0\0\0\0\0", b"v 1 2 3\nf 1 2 9"]
)
def test_damaged_meshes_are_refused(tmp_path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HeadshotError, match=name):
        read_mesh(tmp_path / name)


def test_landmark_files(tmp_path) -> None:
    points = RNG.normal(size=(68, 3))
    (tmp_path / "a.json").write_text(json.dumps({"landmarks68": points.tolist()}))
    np.testing.assert_allclose(read_landmarks(tmp_path / "a.json"), points[list(SEVEN)])
    head = {"views": [{"landmarks68": points.tolist(), "landmarks": {"points": []}}]}
    (tmp_path / "head.json").write_text(json.dumps(head))
    np.testing.assert_allclose(read_landmarks(tmp_path / "head.json"), points[list(SEVEN)])
    for nothing in ({"views": []}, {"views": [1]}, {"views": 1}, {}):
        (tmp_path / "none.json").write_text(json.dumps(nothing))
        with pytest.raises(HeadshotError, match="read as landmarks"):
            read_landmarks(tmp_path / "none.json")
    rows = "\n".join("Name of a point\n{} {} {}".format(*p) for p in points[:7])
    (tmp_path / "a.lm3").write_text(f"# 7 landmarks\n{rows}")
    np.testing.assert_allclose(read_landmarks(tmp_path / "a.lm3"), points[:7])
    np.savetxt(tmp_path / "b.txt", points[17:], delimiter=",")
    np.testing.assert_allclose(read_landmarks(tmp_path / "b.txt"), points[list(SEVEN)])
    np.savetxt(tmp_path / "c.txt", points[:9])
    with pytest.raises(HeadshotError, match="7, 51 or 68"):
        read_landmarks(tmp_path / "c.txt")


def test_a_folder_of_scans_with_another_method(tmp_path) -> None:
    scans, other = tmp_path / "scans", tmp_path / "other"
    scans.mkdir()
    other.mkdir()
    for seed in range(2):
        write_obj(scans / f"p{seed}.obj", moved(person(seed), 1.0), 0.1)
        write_obj(other / f"p{seed}.obj", person(seed))
    result = evaluate(scans, (), others={"oracle": other})
    assert result.methods == ("mean face", "oracle") and len(result.items) == 2
    assert max(result.values("oracle", "median").values()) < 0.02
    assert min(result.values("mean face", "median").values()) > 0.3
    assert len(result.pictures) == 2 and result.pictures[0][1].startswith(b"\x89PNG")
    with pytest.raises(HeadshotError, match="no scans"):
        evaluate(tmp_path, ())


def test_shapes_of_files_are_millimetres(tmp_path) -> None:
    write_obj(tmp_path / "a.obj", person(3), 0.001)
    shape = read_shape(tmp_path / "a.obj", tmp_path / "a.txt")
    assert similarity(person(3).vertices, shape.vertices).scale == pytest.approx(1, abs=1e-6)


def test_a_predictor_starts_from_the_photo(tmp_path, photos: Path) -> None:
    write_obj(tmp_path / "p.obj", person(0))
    (tmp_path / "p.jpg").write_bytes((photos / "astronaut.jpg").read_bytes())

    class Oracle:
        name = "oracle"

        def __call__(self, subject: Subject, *, textured: bool = False) -> Prediction:
            neutral = person(0).vertices.astype(np.float32)
            head = Head(MODEL, neutral, neutral, None, np.zeros(100), 1.0)  # type: ignore[arg-type]
            return Prediction(np.zeros((68, 2)), head)

    result = evaluate(tmp_path, (Oracle(),))
    assert result.methods == ("oracle", "mean face")
    assert result.values("oracle", "median")["p"] < 0.02
