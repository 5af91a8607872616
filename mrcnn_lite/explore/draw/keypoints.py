"""Keypoints on a picture, in their object's colour: filled where they can be seen, else hollow."""

from matplotlib import patheffects
from matplotlib.axes import Axes
from torch import Tensor

from mrcnn_lite.datasets.shape_keypoints import SEEN

SIZE = 28  # of a dot, in points squared
HALO = [patheffects.withStroke(linewidth=4, foreground="white")]  # of a hollow dot


def draw_keypoints(axes: Axes, keypoints: Tensor, color: str, found: bool) -> None:
    """Draw one object's keypoints.

    Args:
        axes: with the picture, in image pixels.
        keypoints: `Tensor[K, 3]`, x, y and visibility; those of visibility 0 are left out.
        color: the object's.
        found: whether they were detected. A detector says where a keypoint is, not whether it is
            hidden, so all are filled.
    """
    keypoints = keypoints.detach().cpu()
    known = keypoints[keypoints[:, 2] > 0]
    for filled in (True, False):
        chosen = known[((known[:, 2] == SEEN) | found) == filled]
        axes.scatter(
            *chosen[:, :2].T.tolist(),
            s=SIZE,
            facecolor=color if filled else "none",
            edgecolor="white" if filled else color,
            linewidth=1.0 if filled else 2.0,
            path_effects=None if filled else HALO,
            zorder=3,
        )
