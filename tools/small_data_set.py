"""Make a small stand-in for research data: rendered heads in the layouts of the data sets, with exact labels.

    python tools/small_data_set.py FOLDER [--heads 8] [--seed 0]

Tests of the papers' systems use it where `HEADSHOT_DATA` is not set; nothing is measured or trained with it.
Written are `celebamask-train`, `fasseg`, `helen-train` and `sfm` of docs/reference/data.md: heads of the
built-in model, painted by tools/synthetic_paint.py, and that model itself in the layout of the Surrey Face
Model (3,448 vertices, 63 modes, 6 expressions). Nothing in it is of the data sets or of a person.
"""

from __future__ import annotations

import argparse
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from headshot import Camera, load_head_model
from headshot.datasets.parts import celebamask, fasseg
from headshot.geometry.camera import project_for_raster, rotation_from_angles
from headshot.geometry.raster import interpolate, rasterise
from headshot.models.head_model import HeadModel
from headshot.models.topologies import ibug68
from synthetic_heads import SIZE, Source, expression_weights, photograph, view_head
from synthetic_paint import Skin, inside, line, mean_marks

SIDE = 320  # pixels of the photos, as of the data sets
SURREY, MODES = 3448, 63
BROW = 3.0  # mm, half the width that is labelled
# Surrey's six expressions, of ARKit's.
EXPRESSIONS = {
    "anger": ("browDownLeft", "browDownRight", "jawOpen"),
    "disgust": ("noseSneerLeft", "noseSneerRight"),
    "fear": ("eyeWideLeft", "eyeWideRight"),
    "happiness": ("mouthSmileLeft", "mouthSmileRight"),
    "sadness": ("mouthFrownLeft", "mouthFrownRight"),
    "surprise": ("browInnerUp",),
}
YAW, PITCH = -28.0, 4.0  # degrees, of the head whose points stand for those of eos's example photo


def source_of(model: HeadModel, heads: int, rng: np.random.Generator) -> Source:
    """Heads of the built-in model: identities of one standard deviation, all of ARKit's expressions."""
    part = np.zeros(len(model.triangles), np.int64)
    for k, (first, last) in enumerate(model.parts.values()):
        part[first:last] = k
    points = model.landmarks["ibug68"]
    shapes = [
        model.shape(rng.standard_normal(len(model.identity)), np.zeros(len(model.expression)))
        for _ in range(heads)
    ]
    return Source(
        "built-in", model.triangles, model.mean.astype(np.float64), tuple(model.parts), part,
        (model.triangles[points.triangle[ibug68.INNER]], points.barycentric[ibug68.INNER]),
        np.array(shapes, np.float64), dict(zip(model.expression_names, model.expression, strict=True)),
    )  # fmt: skip


def labels_of(model: HeadModel, source: Source, vertices: np.ndarray, camera: Camera) -> np.ndarray:
    """Index (SIZE, SIZE) into the names of CelebAMask-HQ's merged labels, 0 the background."""
    xy, depth = project_for_raster(vertices, camera)
    raster = rasterise(xy, depth, source.triangles, SIZE, SIZE)
    covered = raster.triangle >= 0
    regions = np.stack([model.regions[name] for name in ("nose", "ears", "neck", "scalp")], axis=1)
    fields = np.concatenate([source.canonical, regions], axis=1).astype(np.float32)
    seen = interpolate(raster, fields, source.triangles)[covered]
    place, (nose, ears, neck, scalp) = seen[:, :3], seen[:, 3:].T
    part = np.array(source.names)[source.part[raster.triangle[covered]]]
    flat, points, front = place[:, :2], mean_marks(), place[:, 2] > -35
    skin = part == "skin"
    lips = (inside(flat, points[ibug68.LIPS_OUTER, :2]) < 0) & front & skin
    middle = points[[60, 64], 1].mean()  # the corners of the mouth inside
    left = place[:, 0] > 0  # the subject's
    found = np.full(len(place), "skin", "<U8")
    found[nose > 0.5] = "nose"
    found[ears > 0.5] = np.where(left, "l_ear", "r_ear")[ears > 0.5]
    found[neck > 0.5] = "neck"
    found[scalp > 0.45] = "hair"
    for name, brow in (("r_brow", ibug68.BROW_LEFT_IN_IMAGE), ("l_brow", ibug68.BROW_RIGHT_IN_IMAGE)):
        found[(line(flat, points[brow, :2])[0] < BROW) & front & skin] = name
    found[lips] = np.where(flat[lips, 1] > middle, "u_lip", "l_lip")
    found[~skin] = "mouth"
    found[part == "eye_left"], found[part == "eye_right"] = "l_eye", "r_eye"
    index = np.zeros((SIZE, SIZE), np.uint8)
    index[covered] = [1 + celebamask.PARTS.index(name) for name in found]
    return index


def write_photos(folder: Path, heads: int, rng: np.random.Generator) -> None:
    """The photos, each in three data sets, with its labels and points."""
    model = load_head_model("low")
    source = source_of(model, heads, rng)
    images, masks = (folder / "celebamask-train" / name for name in ("images", "masks"))
    photos, coloured = (folder / "fasseg" / "V2" / name for name in ("Train_RGB", "Train_Labels"))
    helen = folder / "helen-train"
    for new in (images, masks, photos, coloured, helen):
        new.mkdir(parents=True, exist_ok=True)
    fasseg_of = [
        name if name in fasseg.PALETTE else
        {"brows": "hair", "glasses": "eyes", "upper_lip": "mouth", "lower_lip": "mouth", "ears": "skin",
         "neck": "skin"}.get(name, "background")
        for name in celebamask.OURS
    ]  # fmt: skip
    palette = np.array([fasseg.PALETTE[name] for name in fasseg_of], np.uint8)
    for number in range(heads):
        weights = expression_weights(list(source.expressions), rng)
        view = view_head(source, number, weights, float(rng.uniform(-20, 20)), SIZE, rng)
        picture = Image.fromarray(
            photograph(source, view.vertices, view.camera, Skin.random(rng), rng)
        ).resize((SIDE, SIDE), Image.Resampling.BOX)
        labels = Image.fromarray(labels_of(model, source, view.vertices, view.camera))
        index = np.asarray(labels.resize((SIDE, SIDE), Image.Resampling.NEAREST))
        points = model.landmarks["ibug68"].on(view.vertices, model.triangles)
        seen = view.camera.project(points) * (SIDE / SIZE)
        picture.save(images / f"head{number}.jpg", quality=95)
        picture.save(photos / f"{number + 1}.jpg", quality=95)
        picture.save(helen / f"{number}_1.jpg", quality=95)
        Image.fromarray(index).save(masks / f"head{number}.png")
        Image.fromarray(palette[index]).save(coloured / f"{number + 1}.png")
        # HELEN's points are one pixel further (docs/reference/data.md, coordinates).
        np.savetxt(helen / f"{number}_1.pts", seen + 1, "%.3f")


def _matrix(values: np.ndarray) -> bytes:
    """An Eigen matrix of cereal's binary archives: rows, columns, floats by columns."""
    values = np.asarray(values, "<f4")
    values = values[:, None] if values.ndim == 1 else values
    return struct.pack("<ii", *values.shape) + values.tobytes(order="F")


def _vector(values: np.ndarray, kind: str) -> bytes:
    return struct.pack("<Q", len(values)) + np.asarray(values, kind).tobytes()


def write_model(folder: Path) -> None:
    """The built-in head in eos's files (version 1), and points of a turned head beside it."""
    model = load_head_model("low")
    kept = np.sort(np.argsort(-model.mean[:, 2], kind="stable")[:SURREY])  # the front
    place = np.full(len(model.mean), -1)
    place[kept] = np.arange(SURREY)
    triangles = place[model.triangles]
    triangles = triangles[(triangles >= 0).all(axis=1)]
    mean = model.mean[kept].astype(np.float64)
    modes = model.identity[:MODES, kept].reshape(MODES, -1).astype(np.float64)
    size = np.linalg.norm(modes, axis=1)
    empty = _matrix(np.zeros((0, 0))) * 3 + _vector(np.zeros((0, 3)), "<i4")
    uv = np.zeros((SURREY, 2))
    shape = _matrix(mean.ravel()) + _matrix((modes / size[:, None]).T) + _matrix(size**2)
    shape += _vector(triangles, "<i4")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sfm_shape_3448.bin").write_bytes(struct.pack("<I", 1) + shape + empty + _vector(uv, "<f8"))
    names = {name: row for row, name in enumerate(model.expression_names)}
    offsets = {
        name: model.expression[[names[part] for part in parts]].sum(axis=0)
        for name, parts in EXPRESSIONS.items()
    }
    content = struct.pack("<Q", len(offsets))
    for name, offset in offsets.items():
        content += struct.pack("<Q", len(name)) + name.encode() + _matrix(offset[kept].ravel())
    (folder / "expression_blendshapes_3448.bin").write_bytes(content)

    # Points and lines are vertices of triangles of the skin.
    used = np.unique(place[model.part_triangles("skin")])
    used = used[(used >= 0) & np.isin(used, triangles)]
    nearest = [
        int(used[np.argmin(((mean[used] - point) ** 2).sum(axis=1))])
        for point in model.landmarks["ibug68"].on(model.mean, model.triangles)
    ]
    lines = [f"{k + 1} = {nearest[k]}" for k in ibug68.FIXED]
    right, left = (nearest[side] for side in (ibug68.JAW_LEFT_IN_IMAGE, ibug68.JAW_RIGHT_IN_IMAGE))
    numbers = "right = [1, 2, 3, 4, 5, 6, 7, 8]\nleft = [10, 11, 12, 13, 14, 15, 16, 17]"
    (folder / "ibug_to_sfm.txt").write_text(
        "[landmark_mappings]\n" + "\n".join(lines) + f"\n\n[contour_landmarks]\n{numbers}\n", encoding="utf-8"
    )
    (folder / "sfm_model_contours.json").write_text(
        f'{{"model_contour": {{"right_contour": {right}, "left_contour": {left}}}}}', encoding="utf-8"
    )
    rotation = rotation_from_angles(YAW, PITCH, 0.0)
    camera = Camera(1280, 1024, 2000.0, (640, 512), rotation, np.array([0.0, 0.0, -900.0]))
    points = camera.project((model.mean + offsets["anger"])[kept][nearest])
    rows = [f"{x:.3f} {y:.3f}" for x, y in points + 0.5]
    text = "\n".join(["version: 1", "n_points: 68", "{", *rows, "}"])
    (folder / "image_0010.pts").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write_photos(given.folder, given.heads, np.random.default_rng(given.seed))
    write_model(given.folder / "sfm")


if __name__ == "__main__":
    main()
