"""The keypoint method: a face from 68 landmarks alone, with any linear face model.

docs/explanation/keypoint.md describes it.

    from headshot.models.readers import read_linear_model
    from headshot.apps.keypoint.find import find_points68
    from headshot.apps.keypoint.fit import KeypointSettings, fit_keypoints
    from headshot.apps.keypoint.output import save

Nothing heavy is imported here, so that the command line starts quickly.
"""

from headshot.export.registry import MESH_FORMATS

FORMATS = (*MESH_FORMATS, "png", "json")
"""What a fit is written to: the mesh, the four pictures, the coefficients."""
