"""Hair as a head wears it: cards on its surface, which follow its expressions where they touch it.

Dimension letters: P vertices of cards, V vertices of the head, F triangles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.arrays import F32, I32, Array, ReadOnly
from headshot.geometry.cards import Cards
from headshot.geometry.raster import vertex_normals
from headshot.hair.brows import FaceHair, load_brows, load_lashes
from headshot.hair.strands import load_strands, mean_grey, on_texture
from headshot.hair.styles import HairStyle, load_styles, place, root_on
from headshot.hair.worn import Hair, HairColour
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel
from headshot.ramps import smoothstep

_TOUCHING, _FREE = 5.0, 18.0  # mm over the skin: up to here hair moves with it, from here on not at all
_CENTRE = (0.0, 20.0, -85.0)  # mm: of the mean head's skull, which hair is lit around
_ROUND = 0.6  # share of the skull's roundness in normals; the rest is the cards' own
_SCATTERED = 0.3  # share of the light that comes through any hair, by eye: tails far below others stay light
_DEEP = 14.0  # mm below the outermost hair, at which a third of the rest is left
_AROUND = 24  # directions in which the outermost hair is looked for
_HEADROOM = 1.25  # brightest strands over the mean
_BANDS = {"Brows": "brow", "Lashes": "lash"}
_DARKEST = 0.03  # linear, the mean of a root's colour: brows of people with lighter hair are between
_STREAKS = 14  # a period of the texture, that differ in brightness


@dataclass(frozen=True, eq=False, repr=False)
class WornCards(ReadOnly):
    """Cards on a head without expression.

    Attributes:
        cards: as they lie on it.
        root: (P,) points of the head's mesh that they hang on.
        follow: (P,) share of their root's movement that vertices take part in.
    """

    cards: Cards
    root: Correspondence
    follow: F32

    def offsets(self, moved: ArrayLike, triangles: I32) -> F32:
        """(P, 3) mm by which the cards move with offsets (V, 3) of the head's vertices."""
        found: F32 = self.follow[:, None] * self.root.on(moved, triangles)
        return found

    def on(self, moved: ArrayLike, triangles: I32) -> Cards:
        """The cards on a head whose vertices have moved by (V, 3) mm from where it has no expression."""
        return replace(self.cards, vertices=self.cards.vertices + self.offsets(moved, triangles))


def worn_cards(hair: Hair, model: HeadModel, neutral: F32) -> tuple[WornCards, ...]:
    """What a head wears.

    Args:
        hair: style and colours.
        model: the bundled head model, at the resolution of the head.
        neutral: (V, 3) the head without expression, mm.
    """
    worn = [] if hair.style is None else _on_scalp(hair, load_styles()[hair.style], model, neutral)
    if hair.brows is not None:
        worn.append(_on_face("Brows", hair, load_brows()[hair.brows], model, neutral))
    if hair.lashes is not None:
        worn.append(_on_face("Lashes", hair, load_lashes()[hair.lashes], model, neutral))
    return tuple(worn)


def _on_scalp(hair: Hair, style: HairStyle, model: HeadModel, neutral: F32) -> list[WornCards]:
    vertices = place(style, model, neutral)
    if hair.offsets is not None:
        vertices = vertices + hair.offsets
    root = root_on(style, model)
    height = np.linalg.norm(vertices - root.on(neutral, model.triangles), axis=1)
    triangles, inner = style.triangles, style.inner
    if hair.missing is not None:
        triangles = np.delete(triangles, hair.missing, axis=0)
        inner -= int((hair.missing < inner).sum())
        if not len(triangles):
            return []
    normals = _normals(vertices, style.triangles)
    colour, tint = _tints(hair.colour, style, light_between(vertices))
    uv = on_texture(style.uv, _bands(style, hair.texture or style.strands))
    cards = Cards("Hair", vertices, normals, triangles, uv, tint, load_strands(), colour, inner)
    follow = (1 - smoothstep(height, _TOUCHING, _FREE)).astype(np.float32)
    return [WornCards(cards, root, follow)]


def _bands(style: HairStyle, texture: str) -> NDArray[np.str_]:
    return np.where(style.wisp, f"{texture}_wisp", f"{texture}_shell")


def _on_face(name: str, hair: Hair, piece: FaceHair, model: HeadModel, neutral: F32) -> WornCards:
    """Brows or lashes; all of them move with the skin."""
    root = piece.root_on(model)
    normals = root.on(vertex_normals(neutral, model.triangles), model.triangles)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    uv = on_texture(piece.uv, _BANDS[name])
    tint = np.ones((len(piece.vertices), 3), np.float32)
    wanted = np.array(hair.face_colour or _face_colour(hair.colour)) / mean_grey()
    red, green, blue = (float(c) for c in np.clip(wanted, 0, 1))
    cards = Cards(
        name,
        piece.on(model, neutral),
        normals,
        piece.triangles,
        uv,
        tint,
        load_strands(),
        (red, green, blue),
        0,
    )
    return WornCards(cards, root, np.ones(len(tint), np.float32))


def _face_colour(colour: HairColour) -> Array:
    """Brows and lashes are darker than light hair, and as dark as dark hair."""
    root = np.array(colour.root)
    return root * min(1.0, _DARKEST / max(float(root.mean()), 1e-6)) ** 0.6


def _normals(vertices: F32, triangles: I32) -> F32:
    """(P, 3) unit normals between those of the cards and those of a round head."""
    axis = np.array(_CENTRE, np.float32)
    away = vertices - axis
    away[:, 1] = np.maximum(away[:, 1], 0)  # below the skull around its axis
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    own = vertex_normals(vertices, triangles)
    own = own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-6)
    own = own * np.where((own * away).sum(1) < 0, -1, 1)[:, None].astype(np.float32)
    mixed = _ROUND * away + (1 - _ROUND) * own
    unit: F32 = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
    return unit


def light_between(vertices: F32) -> F32:
    """(P,) share of the light that other hair lets through to each vertex.

    By how far it lies below the outermost vertex in its direction from the skull, or below the skull from its
    axis.
    """
    away = vertices - np.array(_CENTRE, np.float32)
    low = away[:, 1] < 0
    flat = np.hypot(away[:, 0], away[:, 2])
    radius = np.where(low, flat, np.linalg.norm(away, axis=1))
    around = (np.arctan2(away[:, 0], away[:, 2]) / np.pi + 1) * (_AROUND / 2)
    up = np.where(low, away[:, 1] / 30, np.arctan2(away[:, 1], flat) * 5)
    up -= up.min()
    row, column = np.floor(up).astype(int), np.floor(around).astype(int) % _AROUND
    outermost = np.zeros((row.max() + 2, _AROUND), np.float32)
    np.maximum.at(outermost, (row, column), radius)
    # Between the middles of cells, so that no borders of cells are seen.
    y, x = np.clip(up - 0.5, 0, None), around - 0.5
    y0, x0 = np.floor(y).astype(int), np.floor(x).astype(int)
    fy, fx = y - y0, x - x0
    most = np.zeros(len(vertices), np.float32)
    for dy, wy in ((0, 1 - fy), (1, fy)):
        for dx, wx in ((0, 1 - fx), (1, fx)):
            cell = outermost[np.minimum(y0 + dy, len(outermost) - 1), (x0 + dx) % _AROUND]
            most += wy * wx * np.where(cell > 0, cell, radius)
    depth = np.maximum(most - radius, 0)
    lit: F32 = (_SCATTERED + (1 - _SCATTERED) / (1 + 2 * (depth / _DEEP) ** 1.5)).astype(np.float32)
    return lit


def _tints(colour: HairColour, style: HairStyle, light: F32) -> tuple[tuple[float, float, float], F32]:
    """The colour that textures are multiplied with, and its factor (P, 3) at each vertex."""
    root, tip = (np.array(c, np.float32) for c in (colour.root, colour.tip))
    along = style.uv[:, 1:2]
    wanted = (root + (tip - root) * along) / mean_grey()
    streak = np.floor(style.uv[:, 0] * _STREAKS).astype(np.int64) % 997
    bright = np.random.default_rng(0).normal(size=997)[streak]
    bright = np.exp(colour.variation * bright.clip(-2, 2) - colour.variation**2 / 2)
    wanted = wanted * (bright * light)[:, None]
    most = np.maximum(root, tip) / mean_grey() * np.float32(np.exp(colour.variation) * _HEADROOM)
    most = np.clip(most, 1e-4, 1)
    tint = np.clip(wanted / most, 0, 1).astype(np.float32)
    return (float(most[0]), float(most[1]), float(most[2])), tint
