"""Settings of the fit to colours."""

import pytest

from headshot.fitting import PhotometricSettings


def test_one_value_for_each_width():
    assert PhotometricSettings(widths=(80,), steps=(3,), every=(2,)).steps == (3,)
    with pytest.raises(ValueError, match="one value for each width"):
        PhotometricSettings(widths=(80,), steps=(3,))
    with pytest.raises(ValueError, match="one value for each width"):
        PhotometricSettings(widths=(), steps=(), every=())
