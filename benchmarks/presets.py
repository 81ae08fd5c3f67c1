"""Files of every preset: how large, how long they take, and a picture of each by three.js.

    npm install --prefix tools && pip install ".[usd]"
    python benchmarks/presets.py -o out                  # prints the table of docs/how-to/presets.md
    python benchmarks/presets.py -o out --picture docs/images/presets.jpg

Of photos/astronaut.jpg, with and without the hair style bob_fringe. Times are of the second saving, on
one core, with the textures made; GLBs and VRMs are checked by Khronos' validator. Pictures of what three.js
does not open (USDZ, 3MF) are of a GLB of the same mesh.
"""

from __future__ import annotations

import argparse
import subprocess
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from PIL import Image, ImageDraw

from headshot import Head, reconstruct
from headshot.export import PRESETS, asset_contents, contents
from headshot.export.asset import mesh_asset
from headshot.export.rig import rigged_asset
from headshot.export.solid import solid
from headshot.hair.worn import Hair

ROOT = Path(__file__).resolve().parent.parent
STYLE = "bob_fringe"
DOCUMENTS = ("json", "png")
TILE = 360  # pixels of a tile of tools/viewers/three.mjs
# Of a sheet: neutral from the front and half from the side, jawOpen and a blink where there are targets.
TILES = ((0, 0), (1, 1), (2, 1), (2, 3))


def saved(head: Head, preset: str, stem: str) -> tuple[dict[str, bytes], float]:
    """The meshes of a preset, and the seconds that they took when saved again."""
    entry = PRESETS[preset]
    formats = [name for name in entry.formats if name not in DOCUMENTS]
    contents(head, stem, formats, entry.settings)
    start = perf_counter()
    return contents(head, stem, formats, entry.settings), perf_counter() - start


def shown(head: Head, preset: str, files: dict[str, bytes], stem: str) -> tuple[str, bytes]:
    """Name and content of what three.js can show of a preset, with the files beside it."""
    entry = PRESETS[preset]
    if preset == "print":
        vertices, triangles = solid(rigged_asset(head, entry.settings))
        return f"{stem}.glb", asset_contents(mesh_asset(vertices, triangles), stem, "glb")[f"{stem}.glb"]
    if preset == "usdz":
        return f"{stem}.glb", contents(head, stem, "glb", entry.settings)[f"{stem}.glb"]
    return next(iter(files.items()))


def check(folder: Path) -> None:
    """Khronos' validator for all GLBs of a folder, and VRMs as such."""
    for file in folder.glob("*.vrm"):
        file.with_name(f"{file.stem}_vrm.glb").write_bytes(file.read_bytes())
    files = sorted(map(str, folder.glob("*.glb")))
    subprocess.run(["node", str(ROOT / "tools" / "validate_gltf.mjs"), *files], check=True)


def picture(folder: Path, names: dict[str, str]) -> Image.Image:
    """A row of tiles for each preset, from the sheets of tools/viewers/three.mjs."""
    files = [str(folder / name) for name in names.values()]
    subprocess.run(["node", str(ROOT / "tools/viewers/three.mjs"), "look", str(folder), *files], check=True)
    page = Image.new("RGB", (len(TILES) * TILE, len(names) * TILE), "white")
    for row, (preset, name) in enumerate(names.items()):
        sheet = Image.open(folder / f"{name}.three.png").convert("RGB")
        for column, (down, across) in enumerate(TILES):
            if (down + 1) * TILE <= sheet.height:
                place = (across * TILE, down * TILE, (across + 1) * TILE, (down + 1) * TILE)
                page.paste(sheet.crop(place), (column * TILE, row * TILE))
        ImageDraw.Draw(page).text((8, row * TILE + TILE - 24), preset, "black", font_size=18)
    return page.resize((page.width // 2, page.height // 2), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("out/presets"))
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    bald = replace(reconstruct(ROOT / "photos" / "astronaut.jpg"), hair=None)
    haired = replace(bald, hair=Hair(STYLE))
    names = {}
    print("| preset | files, MB | with hair | seconds |\n|---|---|---|---|")
    for preset in PRESETS:
        sizes = []
        for head in (bald, haired):
            files, seconds = saved(head, preset, preset)
            sizes.append(
                ", ".join(f"{len(data) / 1e6:.1f} {Path(name).suffix[1:]}" for name, data in files.items())
            )
            if head is bald:
                bare = seconds
        for name, data in files.items():
            (options.output / name).write_bytes(data)
        name, data = shown(haired, preset, files, preset)
        (options.output / name).write_bytes(data)
        names[preset] = name
        print(f"| `{preset}` | {sizes[0]} | {sizes[1]} | {bare:.2f} to {seconds:.2f} |")
    check(options.output)
    if options.picture is not None:
        picture(options.output, names).save(options.picture, quality=88)


if __name__ == "__main__":
    main()
