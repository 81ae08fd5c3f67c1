"""What textures need to know of the segmentation: lenses, rims, bridges, and where skin is sure."""

import numpy as np

from headshot.perception.segmentation import CLASSES, Segmentation
from headshot.texture.masks import MAYBE_RIM, NO_GLASSES, NO_RIMS, SURE_SKIN, UNOCCLUDED, masks

SIZE = 256
SAME = np.array([[1.0, 0, 0], [0, 1.0, 0]])


def parts(**where: np.ndarray) -> Segmentation:
    """A segmentation that is sure: skin, except where another class is named."""
    crop = np.zeros((len(CLASSES), SIZE, SIZE), np.float32)
    crop[CLASSES.index("skin")] = 1
    for name, chosen in where.items():
        crop[:, chosen] = 0
        crop[CLASSES.index(name), chosen] = 1
    return Segmentation(crop, SAME, (SIZE, SIZE))


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    out = np.zeros((SIZE, SIZE), bool)
    out[top:bottom, left:right] = True
    return out


def test_without_a_segmentation_all_is_unoccluded_and_nothing_sure() -> None:
    found = masks(None, SAME, (20, 30))
    assert found.shape == (20, 30, 5)
    assert (found[..., [UNOCCLUDED, NO_GLASSES, NO_RIMS]] == 1).all() and (
        found[..., [SURE_SKIN, MAYBE_RIM]] == 0
    ).all()


def test_skin_is_sure_but_not_next_to_hair() -> None:
    found = masks(parts(hair=box(0, 0, SIZE, 100)), SAME, (SIZE, SIZE))
    assert found[50, 128, UNOCCLUDED] == 0 and found[150, 128, UNOCCLUDED] == 1
    assert (
        found[101, 128, UNOCCLUDED] == 0 and found[104, 128, UNOCCLUDED] == 1
    )  # hair mixes into the skin next to it
    assert found[100, 128, SURE_SKIN] == 0 and found[105, 128, SURE_SKIN] == 1
    assert (found[..., MAYBE_RIM] == 0).all()


def test_lenses_are_seen_through_and_rims_and_bridges_are_not() -> None:
    lenses = box(60, 100, 110, 140) | box(130, 100, 180, 140)
    found = masks(parts(glasses=lenses), SAME, (SIZE, SIZE))
    assert (found[lenses][:, NO_GLASSES] == 0).all()
    assert found[120, 85, NO_RIMS] == found[120, 155, NO_RIMS] == 1
    assert found[101, 85, NO_RIMS] == found[120, 178, NO_RIMS] == 0
    assert found[120, 120, MAYBE_RIM] > 0.9 and found[120, 120, SURE_SKIN] < 0.1
    assert (
        found[120, 85, MAYBE_RIM] == 0 and found[200, 120, MAYBE_RIM] == 0 and found[200, 120, SURE_SKIN] == 1
    )


def test_one_lens_has_no_bridge() -> None:
    found = masks(parts(glasses=box(60, 100, 110, 140)), SAME, (SIZE, SIZE))
    assert found[120, 120:140, MAYBE_RIM].max() < 0.3
