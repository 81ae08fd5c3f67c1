"""Is the skin of a texture one skin, and is it the person's, whatever the light of the photo?

    python benchmarks/skin.py $HEADSHOT_DATA [--people 60] [--pictures skin.jpg]
    python benchmarks/skin.py photos --pictures docs/images/delit.jpg --draw
    python benchmarks/skin.py $HEADSHOT_DATA --learned --tints

People of LFW of whom there are two photos and who are held out of everything that is learned
(`headshot.datasets.split`); of each photo the texture as photographed and without the photo's light, in
CIEDE2000 differences of the colours of skin vertices (brows, eyes and lips left out). The scalp is bare,
since hair's colour on it is no skin's:

- agreement: between the textures of two photos of one person, where both are photographed, median over the
  vertices; *others*: between the first photos of different people. Textures that lose what is the person's
  own agree with everybody's, so the ratio counts as well;
- border: between photographed and completed skin, within 12 mm of the line between them, mean colours of
  patches of 30 mm; median and 90th percentile over the patches;
- halves: between vertices and their mirror images, median.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from headshot import Head, HeadshotError, Reconstructor, Settings
from headshot.arrays import Array, Mask
from headshot.datasets.split import held_out
from headshot.metrics.colour import ciede2000, lab
from headshot.render import RenderSettings, render, view_camera
from headshot.texture import TextureSettings
from headshot.texture.appearance import person_albedo
from headshot.texture.complete import vertex_colours
from headshot.texture.layout import layout_of
from headshot.texture.surface import surface_of
from report import publish, table

SIZE = 512
KINDS = {"as photographed": False, "without light": True}
SEEN, HIDDEN = 0.6, 0.1
"""`Texture.observed` from which a vertex counts as photographed, and up to which as completed."""
NEAR, PATCH = 12.0, 30.0  # mm
CELL, YAWS = 220, (0, 50, -50, 110)


class Skin:
    """The colours of one texture at the vertices of the skin."""

    def __init__(self, head: Head) -> None:
        assert head.texture is not None
        layout = layout_of(head.model, SIZE)
        everywhere = (layout.texels.triangle >= 0).astype(np.float32)
        colour, _ = vertex_colours(layout.texels, layout.skin, head.texture.pixels, everywhere)
        _, observed = vertex_colours(layout.texels, layout.skin, head.texture.pixels, head.texture.observed)
        self.lab, self.observed = lab(colour), observed
        # Neither brows, eyes and lips nor where beards are.
        self.plain: Mask = (layout.skin.growth > 0) & (layout.skin.beard < 0.5)
        self.mirror = layout.skin.mirror
        self.points = head.model.mean[layout.skin.vertices]

    @property
    def seen(self) -> Mask:
        """Vertices (S,) of plain skin that are photographed."""
        return self.plain & (self.observed > SEEN)

    def border(self) -> Array:
        """Differences (P,) across the border between photographed and completed skin."""
        inside, outside = (
            np.flatnonzero(some) for some in (self.seen, self.plain & (self.observed < HIDDEN))
        )
        if not len(inside) or not len(outside):
            return np.empty(0)
        near_in = inside[_nearest(self.points[inside], self.points[outside]) < NEAR]
        near_out = outside[_nearest(self.points[outside], self.points[inside]) < NEAR]
        cells = [np.floor(self.points[some] / PATCH).astype(int) for some in (near_in, near_out)]
        found = []
        for cell in np.unique(cells[0], axis=0):
            one, other = ((where == cell).all(axis=1) for where in cells)
            if one.sum() >= 5 and other.sum() >= 5:
                pair = self.lab[near_in[one]].mean(axis=0), self.lab[near_out[other]].mean(axis=0)
                found.append(ciede2000(*pair))
        return np.array(found)

    def halves(self) -> float:
        """Difference of the halves."""
        return float(np.median(ciede2000(self.lab, self.lab[self.mirror])[self.plain]))


def _nearest(points: Array, others: Array) -> Array:
    """Distances (N,) of points (N, 3) from the nearest of others (M, 3)."""
    squares = (points**2).sum(1)[:, None] - 2 * points @ others.T + (others**2).sum(1)
    return np.sqrt(np.maximum(squares.min(axis=1), 0))


def difference(one: Skin, other: Skin) -> float:
    """Median difference where both are photographed; NaN where that is next to nowhere."""
    both = one.seen & other.seen
    return float(np.median(ciede2000(one.lab, other.lab)[both])) if both.sum() > 100 else float("nan")


def people(data: Path, number: int, out: bool) -> list[list[Path]]:
    """Two photos each of people who were held out, or who were not."""
    folders = sorted(f for f in (data / "lfw-deepfunneled").iterdir() if held_out(f.name, "lfw") == out)
    pairs = [sorted(f.glob("*.jpg"))[:2] for f in folders]
    pairs = [pair for pair in pairs if len(pair) == 2]
    return pairs[:: max(1, len(pairs) // number)][:number]


def tints(data: Path, number: int) -> str:
    """Of what a fit to one photo says of the colour of bare skin, how much is the person's.

    Logarithms of red / green, blue / green and of brightness, linear: mean and standard deviation over all
    photos, and the share of the variance that two photos of a person have in common.
    """
    reconstruct = Reconstructor(Settings(texture=None))
    surface = surface_of(reconstruct.model)
    bare = surface.bare * surface.area
    found = []
    for pair in track(people(data, number, False), "people"):
        both = []
        for file in pair:
            try:
                coefficients = reconstruct(file).estimate.person.albedo
            except HeadshotError as error:
                print(error)
                continue
            albedo = person_albedo(coefficients, reconstruct.model.resolution)
            crease = np.maximum(albedo.occlusion, 0.6)[:, None]
            red, green, blue = np.log(bare @ (albedo.colours / crease)[surface.vertices] / bare.sum())
            both.append([red - green, blue - green, (red + green + blue) / 3])
        if len(both) == 2:
            found.append(both)
    values = np.array(found)
    every = values.reshape(-1, 3)
    common = 1 - ((values[:, 0] - values[:, 1]) ** 2).mean(axis=0) / 2 / every.var(axis=0)
    rows = zip(
        ["red / green", "blue / green", "brightness"], every.mean(0), every.std(0), common, strict=True
    )
    shown = [[name, *map(float, values)] for name, *values in rows]
    return table(["logarithm", "mean", "standard deviation", "the person's"], shown)


def picture(heads: list[Head]) -> np.ndarray:
    """A photo, and its textures from some sides."""
    photo = heads[0].photo.pixels
    side = min(photo.shape[:2])
    centre = np.clip(
        heads[0].face.box.reshape(2, 2).mean(axis=0), side / 2, np.array(photo.shape[1::-1]) - side / 2
    )
    left, top = (centre - side / 2).astype(int)
    photo = np.asarray(Image.fromarray(photo[top : top + side, left : left + side]).resize((CELL, CELL)))
    row = [photo]
    for head in heads:
        assert head.texture is not None
        for yaw in YAWS:
            camera = view_camera(head.neutral_vertices, yaw, size=CELL)
            settings = RenderSettings(lighting=0.5)
            shown = render(
                head.neutral_vertices, head.model, camera, texture=head.texture.pixels, settings=settings
            )
            row.append(shown)
    return np.concatenate(row, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the research data (docs/reference/data.md)")
    parser.add_argument("--people", type=int, default=60, help="[%(default)s]")
    parser.add_argument("--draw", action="store_true", help="only draw the photos of a folder")
    parser.add_argument("--learned", action="store_true", help="other people, to choose settings on")
    parser.add_argument("--pictures", type=Path, help="file for a contact sheet of the first photos")
    parser.add_argument("--tints", action="store_true", help="only say how far the tint is the person's")
    options = parser.parse_args()
    if options.tints:
        print(tints(options.data, options.people))
        return
    made = {
        kind: Reconstructor(Settings(hair="none", texture=TextureSettings(size=SIZE, delit=delit)))
        for kind, delit in KINDS.items()
    }
    if options.draw:
        files = sorted(options.data.glob("*.jpg"))
        rows_drawn = [picture([reconstruct(file) for reconstruct in made.values()]) for file in files]
        Image.fromarray(np.concatenate(rows_drawn)).save(options.pictures, quality=88)
        return
    skins: dict[str, list[list[Skin]]] = {kind: [] for kind in KINDS}
    sheet = []
    for pair in track(people(options.data, options.people, not options.learned), "people"):
        try:
            heads = {kind: [reconstruct(file) for file in pair] for kind, reconstruct in made.items()}
        except HeadshotError as error:
            print(error)
            continue
        for kind, both in heads.items():
            skins[kind].append([Skin(head) for head in both])
        sheet.append(picture([both[0] for both in heads.values()]))
    rows: list[list[object]] = []
    for kind, all_of in skins.items():
        same = [difference(*pair) for pair in all_of]
        other = [difference(all_of[k][0], all_of[k - 1][0]) for k in range(len(all_of))]
        border = np.concatenate([skin.border() for pair in all_of for skin in pair])
        halves = [skin.halves() for pair in all_of for skin in pair]
        mine, theirs = float(np.nanmedian(same)), float(np.nanmedian(other))
        edges = [float(np.median(border)), float(np.percentile(border, 90))]
        rows.append([kind, mine, theirs, mine / theirs, *edges, float(np.median(halves))])
    if options.pictures:
        Image.fromarray(np.concatenate(sheet)).save(options.pictures, quality=90)
    shown = table(
        ["texture", "two photos of one person", "of two people", "ratio", "border", "90 %", "halves"], rows
    )
    if options.learned:
        print(shown)
        return
    publish(
        "skin",
        "One skin",
        f"python benchmarks/skin.py $HEADSHOT_DATA --people {options.people}",
        f"CIEDE2000 differences of skin, {len(sheet)} people with two photos each; what is measured is in "
        "the script.",
        shown,
    )


if __name__ == "__main__":
    main()
