"""The keypoint method: a face from 68 landmarks alone, with any linear face model (docs/keypoint.md).

    from headshot.formats import read_linear_model
    from headshot.keypoint.find import find_points68
    from headshot.keypoint.fit import KeypointSettings, fit_keypoints
    from headshot.keypoint.output import save

Nothing is imported here, so that the command line starts quickly.
"""
