"""The head model's file and reader: geometry that must hold for every head, and refusal of damaged files."""

from __future__ import annotations

import time
import tracemalloc
from collections import Counter

import numpy as np
import pytest

from headshot import assets
from headshot.errors import ModelFormatError
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.geometry.raster import rasterise
from headshot.metrics.animation import eye_centre
from headshot.models.arkit import ARKIT52
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel, load_head_model, read
from headshot.models.subdivision import refined

FLIP = np.array([-1, 1, 1], np.float32)
INDEX = {name: k for k, name in enumerate(ARKIT52)}
PARTS = ("skin", "mouth", "eye_left", "eye_right", "teeth_upper", "teeth_lower", "tongue")


@pytest.fixture(scope="module")
def low() -> HeadModel:
    return load_head_model("low")


@pytest.fixture(scope="module")
def high() -> HeadModel:
    return load_head_model("high")


@pytest.fixture(params=["low", "high"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    return load_head_model(request.param)


def identities(model: HeadModel, count: int, spread: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, (count, len(model.identity)))


def weights(**chosen: float) -> np.ndarray:
    values = np.zeros(len(ARKIT52))
    for name, value in chosen.items():
        values[INDEX[name]] = value
    return values


def vertices_of(model: HeadModel, *parts: str) -> np.ndarray:
    return np.unique(model.part_triangles(*parts))


def columns_around(model: HeadModel, opening: str, count: int) -> np.ndarray:
    """Vertices (rings, columns) around an opening of the low mesh's skin, ring 0 its border."""
    first, last = model.parts["skin"]
    pairs = model.triangles[first:last].reshape(-1, 2, 3)
    quads = np.concatenate([pairs[:, 0], pairs[:, 1, 2:]], axis=1)
    directed = np.stack([quads, np.roll(quads, -1, axis=1)], 2).reshape(-1, 2)
    seen = Counter(map(tuple, np.sort(directed, axis=1).tolist()))
    following = {a: b for a, b in directed.tolist() if seen[min(a, b), max(a, b)] == 1}
    loops = []
    while following:
        start, vertex = next(iter(following.items()))
        loop = [start]
        while vertex != start:
            loop.append(vertex)
            vertex = following.pop(vertex)
        following.pop(start, None)
        loops.append(np.array(loop))
    side = 1 if opening == "eye_left" else -1
    wanted = {"mouth": lambda l: len(l) == 38}.get(
        opening, lambda l: len(l) == 28 and model.mean[l, 0].mean() * side > 0
    )
    loop = next(l for l in loops if wanted(l))
    neighbours: dict[int, set[int]] = {}
    for a, b in seen:
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
    table, done = [loop], set(loop.tolist())
    for _ in range(count - 1):
        ring = np.array([next(iter(neighbours[v] - done)) for v in table[-1].tolist()])
        table.append(ring)
        done |= set(ring.tolist())
    return np.array(table)


def sides(columns: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the upper and the lower side, from corner to corner."""
    x, n = positions[columns, 0], len(columns)
    first, last = int(x.argmin()), int(x.argmax())
    one = (first + np.arange((last - first) % n + 1)) % n
    two = (first - np.arange((first - last) % n + 1)) % n
    upper_first = positions[columns[one], 1].mean() > positions[columns[two], 1].mean()
    return (one, two) if upper_first else (two, one)


def to_polyline(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Distances (P,) of points to a polyline."""
    a, d = line[:-1], np.diff(line, axis=0)
    t = np.clip(((points[:, None] - a) * d).sum(2) / np.maximum((d * d).sum(1), 1e-9), 0, 1)
    return np.linalg.norm(a + t[..., None] * d - points[:, None], axis=2).min(axis=1)


# --- content ---------------------------------------------------------------------------------------------


def test_it_has_the_promised_content(low: HeadModel, high: HeadModel) -> None:
    assert len(vertices_of(low, "skin")) == 3416
    assert len(vertices_of(high, "skin")) == 13534
    for model in (low, high):
        assert tuple(model.parts) == PARTS
        assert model.expression_names == ARKIT52
        assert len(model.identity) >= 80
        assert {"ibug68", "mediapipe478", "contour"} <= set(model.landmarks)
        assert {"face", "narrow_face", "nose", "mouth", "lips", "ears", "scalp", "neck"} <= set(model.regions)
        bounds = [0, *(last for _, last in model.parts.values())]
        assert bounds == sorted(bounds) and bounds[-1] == len(model.triangles)
    assert assets.path("head_model.npz").stat().st_size < 6e6


def test_the_frame_is_the_head_frame(low: HeadModel) -> None:
    left, right = (low.mean[vertices_of(low, f"eye_{side}")] for side in ("left", "right"))
    centres = np.array([(eye.min(0) + eye.max(0)) / 2 for eye in (left, right)])
    assert np.abs(centres.mean(0)[:2]).max() < 0.1
    assert (
        2.5 < centres.mean(0)[2] < 4
    )  # 12 mm behind the front of the eyes, the origin somewhat farther back
    assert centres[0, 0] > 28 and centres[0, 0] < 35  # the subject's left is +x, half a pupil distance away
    points = low.landmarks["ibug68"].on(low.mean, low.triangles)
    assert points[8, 1] < -90 and points[30, 2] > points[0, 2] + 60
    assert points[36, 0] < points[39, 0] < 0 < points[42, 0] < points[45, 0]


def test_identity_modes_are_symmetric_or_antisymmetric_and_of_falling_size(low: HeadModel) -> None:
    mirrored = low.identity[:, low.mirror] * FLIP
    even = np.abs(mirrored - low.identity).max(axis=(1, 2))
    odd = np.abs(mirrored + low.identity).max(axis=(1, 2))
    assert np.minimum(even, odd).max() < 0.02
    skin = vertices_of(low, "skin")
    size = np.sqrt((low.identity[:, skin] ** 2).sum(2).mean(1))
    assert size[:10].min() > 2 * size[-10:].max()
    spread = np.sqrt((size**2).sum())
    assert 3 < spread < 8  # mm, scalp and neck included: heads differ, but they are heads


# --- both resolutions ------------------------------------------------------------------------------------


def test_both_resolutions_are_the_same_head(low: HeadModel, high: HeadModel) -> None:
    rng = np.random.default_rng(3)
    for identity in identities(low, 5):
        expression = rng.uniform(0, 0.6, 52)
        coarse, fine = low.shape(identity, expression), high.shape(identity, expression)
        for name in ("ibug68", "mediapipe478"):
            a = low.landmarks[name].on(coarse, low.triangles)
            b = high.landmarks[name].on(fine, high.triangles)
            gap = np.linalg.norm(a - b, axis=1)
            assert gap.mean() < 0.4 and gap.max() < 2.0


def test_refined_points_stay_where_they_are() -> None:
    # a square with corners (0,0), (1,0), (1,1), (0,1), then edge points and the face point, all in the plane
    square = np.array(
        [[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5], [0.5, 0.5]], np.float32
    )
    low = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    high = np.array([[t for c in range(4) for t in ((c, 4 + c, 8), (c, 8, 4 + (c - 1) % 4))]], np.int32)[0]
    rng = np.random.default_rng(0)
    points = Correspondence(
        rng.integers(0, 2, 200).astype(np.int32), rng.dirichlet([1, 1, 1], 200).astype(np.float32)
    )
    finer = refined(points)
    np.testing.assert_allclose(finer.barycentric.sum(1), 1, atol=1e-5)
    assert finer.barycentric.min() > -1e-6
    np.testing.assert_allclose(finer.on(square, high), points.on(square, low), atol=1e-5)


def test_reading_is_fast_and_frugal() -> None:
    file = assets.path("head_model.npz")
    read(file, "high")
    tracemalloc.start()
    read(file, "high")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6
    durations = []
    for _ in range(3):
        start = time.process_time()
        read(file, "high")
        durations.append(time.process_time() - start)
    assert min(durations) < 0.5


# --- surface ---------------------------------------------------------------------------------------------


def test_it_is_mirror_symmetric(model: HeadModel) -> None:
    n = np.arange(len(model.mean))
    np.testing.assert_array_equal(model.mirror[model.mirror], n)
    np.testing.assert_allclose(model.mean[model.mirror] * FLIP, model.mean, atol=1e-3)
    for name, values in model.regions.items():
        if not name.endswith(("_left", "_right")):
            np.testing.assert_allclose(values[model.mirror], values, atol=1e-5)
    for name, k in INDEX.items():
        other = name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
        mirrored = model.expression[INDEX[other]][model.mirror] * FLIP
        np.testing.assert_allclose(mirrored, model.expression[k], atol=0.02, err_msg=name)


def test_surfaces_are_oriented_manifolds(model: HeadModel) -> None:
    for parts, borders in ((("skin", "mouth"), 3), (("eye_left",), 0), (("eye_right",), 0), (("tongue",), 0)):
        triangles = model.part_triangles(*parts)
        edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
        code = edges @ np.array([len(model.mean), 1])
        assert len(np.unique(code)) == len(code), f"{parts}: an edge is used twice in one direction"
        opposite = edges[:, ::-1] @ np.array([len(model.mean), 1])
        border = edges[~np.isin(code, opposite)]
        following = dict(border.tolist())
        assert len(following) == len(border)
        loops = 0
        while following:
            loops += 1
            vertex = next(iter(following))
            while vertex in following:
                vertex = following.pop(vertex)
        assert loops == borders
    for part in ("eye_left", "eye_right", "tongue"):
        a, b, c = model.mean[model.part_triangles(part)].transpose(1, 0, 2).astype(float)
        assert (np.cross(a, b) * c).sum() > 0, f"{part} is inside out"
    a, b, c = model.mean[model.part_triangles("skin")].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    outward = (a + b + c) / 3 - np.array([0, -20, -60])
    area = np.linalg.norm(normal, axis=1)
    assert area[(normal * outward).sum(1) > 0].sum() > 0.9 * area.sum()


def test_the_texture_atlas_is_symmetric_and_never_overlaps(model: HeadModel) -> None:
    assert model.uv.min() > 0.005 and model.uv.max() < 0.995
    corners = model.uv[model.triangles_uv].astype(float)
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    signed = (one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2
    assert (signed < 0).all()  # with v downwards, what turns left outside turns right in the texture
    size = 1024
    flat = np.ones(len(model.uv), np.float32)
    raster = rasterise(model.uv * np.float32(size), flat, model.triangles_uv, size, size, cull=False)
    covered = (raster.triangle >= 0).sum()
    assert -signed.sum() * size**2 == pytest.approx(covered, rel=2e-3)  # more area than texels: an overlap
    assert covered > 0.75 * size**2

    twin = {"eye_left": "eye_right", "eye_right": "eye_left"}
    for part in PARTS:
        here, there = (slice(*model.parts[p]) for p in (part, twin.get(part, part)))
        where = {}
        for vertices, uvs in zip(model.triangles[there], model.triangles_uv[there], strict=True):
            where[tuple(sorted(vertices.tolist()))] = dict(zip(vertices.tolist(), uvs.tolist(), strict=True))
        vertices, uvs = model.triangles[here][::7], model.triangles_uv[here][::7]
        other = np.array([[where[tuple(sorted(m))][v] for v in m] for m in model.mirror[vertices].tolist()])
        np.testing.assert_allclose(model.uv[other] * [-1, 1] + [1, 0], model.uv[uvs], atol=1e-5)
    marks = model.landmarks["ibug68"]
    uv = np.einsum("lcd,lc->ld", model.uv[model.triangles_uv[marks.triangle]], marks.barycentric)
    assert uv[8, 1] > uv[57, 1] > uv[33, 1] > uv[27, 1]  # the face is upright ...
    assert uv[36, 0] < 0.5 < uv[45, 0]  # ... and as in a photo


def test_correspondences_lie_on_the_mesh(model: HeadModel) -> None:
    counts = {"ibug68": 68, "mediapipe478": 478}
    for name, points in model.landmarks.items():
        assert len(points) == counts.get(name, len(points))
        assert points.triangle.min() >= 0 and points.triangle.max() < len(model.triangles)
        np.testing.assert_allclose(points.barycentric.sum(1), 1, atol=1e-4)
        assert points.barycentric.min() > -1e-4
    first, last = model.parts["skin"]
    for name in ("ibug68", "contour"):
        assert ((model.landmarks[name].triangle >= first) & (model.landmarks[name].triangle < last)).all()


def test_contour_lines_run_from_the_cheek_over_the_jaw(low: HeadModel) -> None:
    lines = low.landmarks["contour"].on(low.mean, low.triangles).reshape(17, -1, 3)
    assert 12 <= lines.shape[1] <= 16
    jaw = low.landmarks["ibug68"].on(low.mean, low.triangles)[:17]
    assert np.linalg.norm(lines - jaw[:, None], axis=2).min(axis=1).max() < 1.5
    assert (lines[:, 0, 2] > lines[:, -1, 2] + 15).all()  # front to back
    np.testing.assert_allclose(lines[::-1] * FLIP, lines, atol=0.05)


# --- every head ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["left", "right"])
def test_blinks_close_on_every_head(low: HeadModel, side: str) -> None:
    rings = columns_around(low, f"eye_{side}", 2)
    upper, lower = sides(rings[1], low.mean)
    expression = weights(**{f"eyeBlink{side.capitalize()}": 1})
    for identity in identities(low, 50):
        closed = low.shape(identity, expression)
        a, b = closed[rings[1, upper]], closed[rings[1, lower]]
        b = b[np.argsort(b[:, 0])]
        over = a[:, 1] - np.interp(a[:, 0], b[:, 0], b[:, 1])
        assert over.max() < 0.25 and over.min() > -6  # the upper lid comes down to the lower one, ...
        middle = len(a) // 2
        away = [np.linalg.norm(p - eye_centre(low, low.neutral(identity), side), axis=1) for p in (a, b)]
        assert away[0][middle] > away[1][middle] + 0.4  # ... and covers it
        opened = low.neutral(identity)
        assert to_polyline(opened[rings[1, upper]], opened[rings[1, lower]]).max() > 3


def seen_parts(
    model: HeadModel, vertices: np.ndarray, target: tuple[float, float, float], yaw: float
) -> Counter:
    """How many pixels of a close-up show each part."""
    rotation = rotation_from_angles(yaw, 0, 0)
    camera = Camera(
        320, 320, 2400, (160, 160), rotation, np.array([0, 0, -600.0]) - rotation @ np.array(target)
    )
    raster = rasterise(
        camera.project(vertices).astype(np.float32),
        (-camera.to_camera(vertices)[:, 2]).astype(np.float32),
        model.triangles,
        320,
        320,
    )
    starts = [first for first, _ in model.parts.values()]
    shown = raster.triangle[raster.triangle >= 0]
    return Counter(np.array(PARTS)[np.searchsorted(starts, shown, side="right") - 1].tolist())


def test_closed_lids_hide_the_eyeballs(high: HeadModel) -> None:
    for k, identity in enumerate(identities(high, 8, seed=1)):
        for extra in ({}, {"eyeSquintLeft": 0.5}):
            head = high.shape(identity, weights(eyeBlinkLeft=1, **extra))
            for yaw in (0, 40):
                seen = seen_parts(high, head, (32, 0, 10), yaw)
                assert seen["eye_left"] < 25, f"head {k}, yaw {yaw}, {extra}: {seen}"
        assert seen_parts(high, high.neutral(identity), (32, 0, 10), 0)["eye_left"] > 1500


def test_eyeballs_sit_behind_the_lids_of_every_head(low: HeadModel) -> None:
    for side in ("left", "right"):
        rings = columns_around(low, f"eye_{side}", 5)
        eye = vertices_of(low, f"eye_{side}")
        for identity in identities(low, 50, spread=1.3):
            head = low.neutral(identity).astype(float)
            centre, radius = eye_centre(low, head, side), 12.0
            away = np.linalg.norm(head[eye] - centre, axis=1)
            assert abs(np.median(away) - radius) < 0.05 and away.min() > radius - 0.05  # it stays a ball, ...
            assert 0.4 < away.max() - radius < 1.2  # ... with a cornea
            height = np.linalg.norm(head[rings] - centre, axis=2) - radius
            assert height[0].max() < 0.5  # the border is tucked in behind ...
            assert height[1:].min() > 0.0 and height[1].min() < 1.5  # ... the lids lie on the ball
            for name in ("eyeSquint", "eyeLookDown", "eyeWide", "cheekSquint"):
                moved = low.shape(identity, weights(**{f"{name}{side.capitalize()}": 1}))
                height = np.linalg.norm(moved[rings] - centre, axis=2) - radius
                assert height[1:].min() > -0.4, name


def lips_apart(model: HeadModel, rings: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Upper minus lower lip (P, 3) along the ring where closed lips touch, mm."""
    upper, lower = sides(rings[4], model.mean)
    if model.mean[rings[0, upper], 1].mean() < model.mean[rings[0, lower], 1].mean():
        upper, lower = lower, upper  # the border of the sock, far apart, tells up from down
    place = model.mean[rings[4, lower], 0]
    order = np.argsort(place)
    below = vertices[rings[4, lower]][order]
    x = model.mean[rings[4, upper], 0]
    other = np.stack([np.interp(x, place[order], below[:, d]) for d in range(3)], axis=1)
    return (vertices[rings[4, upper]] - other)[1:-1]


def lip_gap(model: HeadModel, rings: np.ndarray, vertices: np.ndarray) -> float:
    """Least height of the upper over the lower lip, mm; what lies in front of the other may overlap it."""
    apart = lips_apart(model, rings, vertices)
    return float((apart[:, 1] + np.maximum(np.abs(apart[:, 2]) - 1.2, 0)).min())


def test_lips_do_not_cross(low: HeadModel) -> None:
    rings = columns_around(low, "mouth", 5)
    heads = identities(low, 50)
    assert min(lip_gap(low, rings, low.neutral(identity)) for identity in heads) > -0.15
    for name in ARKIT52:
        if name == "mouthClose":  # means nothing without an open jaw
            continue
        for k, strength in enumerate((0.5, 1.0)):
            assert lip_gap(low, rings, low.shape(heads[k], weights(**{name: strength}))) > -0.6, name


def test_an_open_jaw_can_be_closed_again(low: HeadModel) -> None:
    rings = columns_around(low, "mouth", 5)
    chin = low.at(low.landmarks["ibug68"])
    for identity in identities(low, 10):
        opened = lips_apart(low, rings, low.shape(identity, weights(jawOpen=1)))
        closed = lips_apart(low, rings, low.shape(identity, weights(jawOpen=1, mouthClose=1)))
        assert 24 < opened[:, 1].max() < 32
        assert np.abs(closed[:, 1]).max() < 0.3
        assert chin.expression[INDEX["jawOpen"], 8, 1] < -20
    teeth = vertices_of(low, "teeth_lower")
    upper = vertices_of(low, "teeth_upper")
    jaw = low.expression[INDEX["jawOpen"]]
    assert jaw[teeth, 1].max() < -10 and not jaw[upper].any()


def test_a_closed_mouth_shows_neither_teeth_nor_tongue(high: HeadModel) -> None:
    for identity in np.clip(identities(high, 8, spread=1.3, seed=2), -2, 2):
        for yaw in (0, 60):
            seen = seen_parts(high, high.neutral(identity), (0, -70, 20), yaw)
            inside = sum(seen[part] for part in ("teeth_upper", "teeth_lower", "tongue", "mouth"))
            assert inside <= 5, seen
    seen = seen_parts(high, high.shape(None, weights(jawOpen=1)), (0, -80, 20), 0)
    assert seen["mouth"] > 500 and seen["tongue"] > 500


def test_expressions_stay_in_their_place(low: HeadModel) -> None:
    moved = np.linalg.norm(low.expression, axis=2)
    x, y, _ = low.mean.T
    for name in ("eyeBlinkLeft", "eyeSquintLeft", "eyeWideLeft", "eyeLookUpLeft"):
        assert not moved[INDEX[name], (x < 0) | (y < -60)].any(), name
    for name in ("mouthSmileLeft", "mouthFrownLeft", "mouthPucker", "jawOpen"):
        assert not moved[INDEX[name], y > 50].any(), name
    assert (moved == 0).mean() > 0.4  # exact zeros keep the files of morph targets small
    assert moved.max(axis=1).min() > 2  # and every expression does something


# --- formulas --------------------------------------------------------------------------------------------


def test_shape_is_the_documented_sum(model: HeadModel) -> None:
    identity, expression = identities(model, 1)[0], np.random.default_rng(1).uniform(0, 1, 52)
    expected = model.mean.astype(float) + np.einsum("i,ivc->vc", identity, model.identity)
    expected += np.einsum("e,evc->vc", expression, model.expression)
    for k, index in enumerate(model.corrected):
        change = np.einsum("i,inc->nc", identity, model.correction[k])
        expected[model.correction_vertices] += expression[index] * change
    np.testing.assert_allclose(model.shape(identity, expression), expected, atol=2e-3)
    np.testing.assert_allclose(model.neutral(identity), model.shape(identity, np.zeros(52)), atol=1e-4)
    np.testing.assert_array_equal(model.shape(), model.mean)


def test_a_point_model_agrees_with_the_surface(model: HeadModel) -> None:
    identity, expression = identities(model, 1)[0], np.random.default_rng(1).uniform(0, 1, 52)
    for points in model.landmarks.values():
        on_surface = points.on(model.shape(identity, expression), model.triangles)
        np.testing.assert_allclose(model.at(points).positions(identity, expression), on_surface, atol=5e-3)


def test_wrong_shapes_are_refused(low: HeadModel) -> None:
    with pytest.raises(ValueError, match=r"identity must have shape \(100,\), got \(3,\)"):
        low.shape(np.zeros(3))
    with pytest.raises(ValueError, match=r"expression must have shape \(52,\)"):
        low.shape(np.zeros(100), np.zeros(51))
    with pytest.raises(ValueError, match="resolution"):
        read(assets.path("head_model.npz"), "medium")


# --- damaged files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", ["low", "high"])
def test_foreign_and_damaged_files_are_refused(tmp_path, resolution: str) -> None:
    good = assets.path("head_model.npz").read_bytes()
    with np.load(assets.path("head_model.npz")) as archive:
        arrays = {key: archive[key] for key in archive.files}
    files = {
        "empty": b"",
        "text": b"v 0 0 0\n",
        "cut": good[: len(good) // 2],
        "zip": b"PK\x05\x06" + bytes(18),
    }
    middle = len(good) // 2
    files["altered"] = good[:middle] + bytes(64) + good[middle + 64 :]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    changes = {
        "foreign": {"x": np.zeros(3)},
        "newer": arrays | {"format_version": np.int32(99)},
        "index": arrays | {f"{resolution}/triangles": arrays[f"{resolution}/triangles"].astype(int) + 60000},
        "short": arrays | {"identity": arrays["identity"][:, :100]},
        "infinite": arrays | {"mean": np.full_like(arrays["mean"], np.inf)},
        "missing": {k: v for k, v in arrays.items() if k != f"{resolution}/uv"},
    }
    if resolution == "high":
        changes["matrix"] = arrays | {"high/indices": arrays["high/indices"].astype(int) + 9000}
    for name, content in changes.items():
        np.savez(tmp_path / f"{name}.npz", **content)
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(ModelFormatError, match=file.name):
            read(file, resolution)
    with pytest.raises(ModelFormatError, match="nowhere"):
        read(tmp_path / "nowhere.npz", resolution)
