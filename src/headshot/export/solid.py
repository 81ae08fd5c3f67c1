"""The head as a solid for 3D printers: one closed surface of skin, in millimetres.

Neck, eyes and lips are closed: the neck by a flat lid, eyes by the front of their balls, and lips by a
membrane between their inner borders. Teeth, tongue and hair, which no printer could make of cards, are left
out.
"""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from headshot.arrays import F32, I32, Array, Index
from headshot.errors import HeadshotError
from headshot.export.asset import HeadAsset
from headshot.export.rig import rigged_asset
from headshot.export.settings import Target
from headshot.geometry.borders import border_lines
from headshot.models.bones import ball_centre
from headshot.version import __version__

if TYPE_CHECKING:
    from headshot.head_data import HeadData

_RINGS = 6  # of vertices between an eyelid and the middle of an eye
_RISE = 0.25  # of the way to the middle, over which a border at the ball's inside rises to its surface
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first day that a zip knows: the same head gives the same bytes."""


def write(head: HeadData, target: Target) -> dict[str, bytes]:
    """The 3MF and the STL, content by file name."""
    vertices, triangles = solid(rigged_asset(head, target.settings))
    return {
        f"{target.stem}.3mf": three_mf(vertices, triangles),
        f"{target.stem}.stl": stl(vertices, triangles),
    }


def solid(asset: HeadAsset) -> tuple[F32, I32]:
    """Vertices (V, 3) mm and triangles (F, 3) of a closed surface, seen from outside.

    Args:
        asset: a head of the bundled model, whose first part is its skin.

    Raises:
        HeadshotError: the skin has other openings than neck, eyes and mouth.
    """
    if asset.neck is None:
        raise HeadshotError("only heads of the bundled model can be closed for printing")
    parts = {part.name: part for part in asset.parts}

    def triangles_of(name: str) -> I32:
        return np.concatenate([asset.triangles[first:last] for first, last in parts[name].ranges])

    skin = triangles_of(asset.parts[0].name)
    vertices = asset.vertices.astype(np.float64)
    lines = border_lines(skin)
    rim = set(asset.neck.tolist())
    (neck,) = (line for line in lines if set(line.tolist()) == rim)
    others = [line for line in lines if line is not neck]
    if len(others) != 3:
        raise HeadshotError(f"the skin has {len(others)} openings beside the neck, expected eyes and mouth")
    places, faces = [vertices], [skin.astype(np.int64)]
    count = len(vertices)

    def add(new: Array, corners: Index) -> None:
        nonlocal count
        places.append(new)
        faces.append(corners)
        count += len(new)

    add(*_fan(vertices, neck, count))
    for name in ("EyeLeft", "EyeRight"):
        ball = vertices[np.unique(triangles_of(name))]
        centre = ball_centre(ball.astype(np.float32))
        lids = min(others, key=lambda line: float(np.linalg.norm(vertices[line].mean(axis=0) - centre)))
        others = [line for line in others if line is not lids]
        radius = float(np.median(np.linalg.norm(ball - centre, axis=1)))
        add(*_dome(vertices[lids], lids, centre, radius, count))
    add(*_membrane(vertices, others[0], count))
    all_places, all_faces = np.concatenate(places), np.concatenate(faces)
    used, index = np.unique(all_faces, return_inverse=True)
    return all_places[used].astype(np.float32), index.reshape(-1, 3).astype(np.int32)


def three_mf(vertices: F32, triangles: I32) -> bytes:
    """A 3MF file: the mesh as XML in a zip (3MF Core Specification 1.3, sections 2 and 4)."""
    points = "".join(
        f'<vertex x="{x:.4f}" y="{y:.4f}" z="{z:.4f}"/>' for x, y, z in upright(vertices).tolist()
    )
    faces = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in triangles.tolist())
    model = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<model unit="millimeter" xml:lang="en-US" '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02">'
        f'<metadata name="Application">Headshot {__version__}</metadata>'
        f'<resources><object id="1" type="model" name="Head"><mesh><vertices>{points}</vertices>'
        f"<triangles>{faces}</triangles></mesh></object></resources>"
        '<build><item objectid="1"/></build></model>'
    )
    files = {
        "[Content_Types].xml": '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>'
        "</Types>",
        "_rels/.rels": '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rel0" Target="/3D/3dmodel.model" '
        'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>',
        "3D/3dmodel.model": model,
    }
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = ZipInfo(name, EPOCH)
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, text)
    return content.getvalue()


def stl(vertices: F32, triangles: I32) -> bytes:
    """An STL file as text: its first line has room for the mark of Headshot, a binary one has none."""
    corners = upright(vertices).astype(np.float64)[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    facet = (
        "facet normal %.5f %.5f %.5f\nouter loop\nvertex %.4f %.4f %.4f\nvertex %.4f %.4f %.4f\n"
        "vertex %.4f %.4f %.4f\nendloop\nendfacet\n"
    )
    rows = np.concatenate([normals, corners.reshape(-1, 9)], axis=1)
    body = (facet * len(rows)) % tuple(rows.ravel().tolist())
    return f"solid Headshot {__version__}\n{body}endsolid\n".encode()


def upright(vertices: F32) -> F32:
    """Points (V, 3) with z up, x to the right seen from the front and the lowest at 0, as printers want."""
    x, y, z = vertices.T
    turned = np.stack([x, -z, y], axis=1)
    turned[:, 2] -= turned[:, 2].min()
    return turned


def _fan(vertices: Array, line: Index, first: int) -> tuple[Array, Index]:
    """A lid over a border: a vertex in its middle, and triangles to it, seen from outside."""
    following = np.roll(line, -1)
    middle = np.full(len(line), first)
    return vertices[line].mean(axis=0)[None], np.stack([following, line, middle], axis=1)


def _dome(rim: Array, line: Index, centre: Array, radius: float, first: int) -> tuple[Array, Index]:
    """The part of a ball's surface within a border (K,) of places (K, 3): rings, and a pole."""
    around = len(line)
    directions = rim - centre
    reach = np.linalg.norm(directions, axis=1)
    directions /= reach[:, None]
    pole = directions.mean(axis=0)
    pole /= np.linalg.norm(pole)
    rings = []
    for step in range(1, _RINGS):
        share = step / _RINGS
        on = (1 - share) * directions + share * pole
        on /= np.linalg.norm(on, axis=1, keepdims=True)
        rise = min(share / _RISE, 1.0)
        rings.append(centre + on * ((1 - rise) * reach + rise * radius)[:, None])
    new = np.concatenate([*rings, (centre + radius * pole)[None]])
    rows = [line, *(first + around * k + np.arange(around) for k in range(_RINGS - 1))]
    faces = []
    for outer, inner in pairwise(rows):
        a, b = outer, np.roll(outer, -1)
        c, d = inner, np.roll(inner, -1)
        faces += [np.stack([b, a, c], axis=1), np.stack([b, c, d], axis=1)]
    last = rows[-1]
    top = np.full(around, first + len(new) - 1)
    faces.append(np.stack([np.roll(last, -1), last, top], axis=1))
    return new, np.concatenate(faces)


def _membrane(vertices: Array, line: Index, first: int) -> tuple[Array, Index]:
    """Triangles within a border, and vertices between its upper and its lower half that they meet at.

    Each half goes from one corner of the mouth to the other. No new edge joins two vertices of the border,
    where the skin may have one.
    """
    ring = np.roll(line, -int(np.argmax(vertices[line, 0])))
    count = len(ring)
    pairs = np.arange(1, (count + 1) // 2)
    new = (vertices[ring[pairs]] + vertices[ring[count - pairs]]) / 2
    # For each vertex of the ring the new one that faces it; corners have that of their neighbours.
    facing = np.minimum(np.arange(count), count - np.arange(count)).clip(1, len(pairs)) + first - 1
    a, b = ring, np.roll(ring, -1)
    at_a, at_b = facing, np.roll(facing, -1)
    faces = np.concatenate([np.stack([b, a, at_a], axis=1), np.stack([b, at_a, at_b], axis=1)])
    return new, faces[faces[:, 1] != faces[:, 2]]
