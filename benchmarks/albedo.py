"""Does the albedo model explain people whom it has not seen, and does it leave their skin its colour?

    python benchmarks/albedo.py --data $HEADSHOT_DATA [--number 300]

Photos of UTKFace that were held out from the model (tools/albedo), as many of each race as labelled by the
source, with the shape from landmarks alone so that only colours are fitted. The baseline is the mean albedo
with any light: what one gets without an albedo model.

- residual: median over the photos of the mean absolute difference in sRGB levels (0 to 255) at visible skin.
- ITA: typology angle of the skin, degrees, large for light skin (Chardon et al. 1991), of the photo as it is
  and of the fitted albedo. The photo's own angle contains the light, so single photos cannot agree; averages
  of groups can, if the light of a group is as white and as bright as any other's. "off" is the mean absolute
  difference of single photos, "preserved" the slope of albedo over photo: 1 when skin colour stays in the
  skin, 0 when all of it goes into the light. The mean albedo keeps none.
"""

from __future__ import annotations

import argparse
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import HeadshotError, Settings, load_head_model, read_photo, reconstruct
from headshot.datasets.utkface import groups_of, with_border
from headshot.geometry.light import fit_albedo_and_light, shade
from headshot.geometry.raster import vertex_normals
from headshot.image.colour import TO_LINEAR, srgb_bytes
from headshot.metrics.picture import skin_bin, typology
from headshot.models.albedo import AlbedoModel, load_albedo, read
from headshot.texture.crop import crop_head
from headshot.texture.sample import sample_vertices
from headshot.texture.surface import surface_of
from headshot.texture.view import TextureView
from report import publish, table

SETTINGS = Settings(photometric=None, texture=None)
POINTS = 1500


def encoded(linear: np.ndarray) -> np.ndarray:
    """sRGB levels (..., 3) of linear colours."""
    return srgb_bytes(linear).astype(float)


def measure(file: Path, model: AlbedoModel) -> tuple[float, float, float, float] | None:
    """Residual with the model and with the mean, typology angle in the photo and of the albedo."""
    photo = read_photo(file)
    pad = photo.width // 2
    try:
        head = reconstruct(with_border(photo, photo.width // 2), settings=SETTINGS)
    except HeadshotError:
        return None
    skin = surface_of(head.model)
    points = np.ascontiguousarray(head.vertices)
    view = TextureView(head.photo.pixels, points, head.camera, segmentation=head.parts)
    colours, weight = sample_vertices(skin, crop_head(view, head.model, 256))
    at = head.project(points[skin.vertices]) - pad
    weight = weight * ((at > 2) & (at < [photo.width - 2, photo.height - 2])).all(axis=1)
    weight = weight * np.minimum(skin.area, np.median(skin.area))
    seen = np.flatnonzero(weight > 0)
    if len(seen) < 300:
        return None
    some = seen[:: max(1, len(seen) // POINTS)]
    chosen, w = skin.vertices[some], weight[some]
    normals = vertex_normals(points, head.model.triangles)[chosen]
    levels = colours[some]
    linear = TO_LINEAR[np.round(levels).astype(np.uint8)]
    mean, modes = model.mean[chosen], model.modes[:, chosen]
    residuals = []
    for some_modes in (modes, modes[:0]):
        fit = fit_albedo_and_light(linear, normals, w, (mean, some_modes), model.light_prior)
        albedo = np.maximum(mean + np.tensordot(fit.albedo.astype(np.float32), some_modes, 1), 0)
        off = np.abs(encoded(shade(albedo, normals, fit.light)) - levels).mean(axis=1)
        residuals.append(float(w @ off / w.sum()))
        if len(some_modes):
            core = (skin.core * skin.area)[:, None]
            own = model.colours(fit.albedo)[skin.vertices]
            tone = encoded((own * core).sum(axis=0) / core.sum())
    bare = (skin.core[some] > 0.5) & (w > 0)
    if bare.sum() < 40:
        return None
    return residuals[0], residuals[1], typology(np.median(levels[bare], axis=0)), typology(tone)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the research data (docs/reference/data.md)"
    )
    parser.add_argument("--number", type=int, default=300, help="photos in all")
    parser.add_argument("--model", type=Path, help="another albedo model than the built-in one")
    a = parser.parse_args()
    model = read(a.model) if a.model else load_albedo()
    by_race = defaultdict(list)
    for file in sorted((a.data / "utkface-balanced").glob("*.jpg")):
        if held_out(file.name) and groups_of(file.name):
            by_race[groups_of(file.name)["race"]].append(file)
    rng = np.random.default_rng(0)
    files = [
        f for g in by_race.values() for f in rng.permutation(np.array(g))[: a.number // len(by_race)].tolist()
    ]
    found: list[tuple[dict[str, str | float], np.ndarray]] = []
    for file in track(files, description="held-out photos"):
        if (numbers := measure(file, model)) is not None:
            found.append((groups_of(file.name), np.array(numbers)))
    every = np.array([n for _, n in found])
    tone = typology(
        encoded(model.mean[load_head_model("high").regions["cheeks"] > 0.9].mean(axis=0, dtype=float))
    )

    def row(name: str, chosen: np.ndarray) -> list[object]:
        x = every[chosen]
        gap = x[:, 3] - x[:, 2]
        return [
            name, len(x), float(np.median(x[:, 0])), float(np.median(x[:, 1])), float(x[:, 2].mean()),
            float(x[:, 3].mean()), float(gap.mean()), float(np.abs(gap).mean()), float(tone - x[:, 2].mean()),
        ]  # fmt: skip

    rows = [row("all", np.arange(len(every)))]
    for key in ("race", "sex", "age"):
        for value in sorted({str(g[key]) for g, _ in found}):
            rows.append(row(f"{key}: {value}", np.flatnonzero([str(g[key]) == value for g, _ in found])))
    for name in ("light", "medium", "dark"):
        chosen = np.flatnonzero([skin_bin(x) == name for x in every[:, 2]])
        if len(chosen):
            rows.append(row(f"skin as photographed: {name}", chosen))
    slope = float(np.polyfit(every[:, 2], every[:, 3], 1)[0])
    header = [
        "group", "photos", "residual", "mean albedo instead", "ITA photo", "ITA albedo", "difference", "off",
        "mean albedo instead: difference",
    ]  # fmt: skip
    publish(
        "albedo",
        "The albedo model on photos that it has not seen",
        f"python benchmarks/albedo.py --data $HEADSHOT_DATA --number {a.number}",
        __doc__.split("\n\n", 2)[2].strip(),
        table(header, rows),
        f"Preserved of the typology angle, over all photos: {slope:.2f} (mean albedo: 0).",
    )


def held_out(name: str) -> bool:
    """Whether a photo of UTKFace was held out of the model (tools/albedo/rows.py)."""
    return zlib.crc32(name.encode()) % 10 == 0


if __name__ == "__main__":
    main()
