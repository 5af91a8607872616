"""Check of lesson 11: a detection's mask, pasted into the image."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from mrcnn_lite.course.exercise import Exercise

Box = tuple[float, float, float, float]


def _linear(position: Tensor, cells: Tensor) -> Tensor:
    return (1 - (position[:, None] - cells).abs()).clamp(min=0)


def _nearest(position: Tensor, cells: Tensor) -> Tensor:
    return (position.add(0.5).floor()[:, None] == cells).to(position)


def _paste_mask(
    mask: Tensor,
    box: Box,
    image_size: tuple[int, int],
    *,
    pixel_centre: float = 0.5,
    cell_centre: float = 0.5,
    swapped: bool = False,
    read_box: Callable[[Box], Box] = lambda box: box,
    weigh: Callable[[Tensor, Tensor], Tensor] = _linear,
    keep_to_the_border: bool = True,
    only_inside: bool = True,
    from_border_to_border: bool = False,
) -> Tensor:
    """A mask at the image's size, and what it becomes under some mistakes."""
    x1, y1, x2, y2 = read_box(box)
    if swapped:
        x1, y1, x2, y2 = y1, x1, y2, x2
    num_cells = len(mask)
    cells = torch.arange(num_cells).to(mask)  # [m]
    weights = []
    for low, high, length in ((y1, y2, image_size[0]), (x1, x2, image_size[1])):
        centres = torch.arange(length).to(mask) + pixel_centre  # [L]
        share = (centres - low) / (high - low)
        position = share * num_cells - cell_centre
        if from_border_to_border:
            position = share * (num_cells - 1)
        if keep_to_the_border:
            position = position.clamp(0, num_cells - 1)
        along = weigh(position, cells)  # [L, m]
        if only_inside:
            along = along * ((centres >= low) & (centres < high))[:, None]
        weights.append(along)
    rows, columns = weights
    return rows @ mask @ columns.T  # [H, m] @ [m, m] @ [m, W]


def _outwards(box: Box) -> Box:
    x1, y1, x2, y2 = torch.tensor(box)
    return x1.floor().item(), y1.floor().item(), x2.ceil().item(), y2.ceil().item()


def _rounded(box: Box) -> Box:
    return tuple(torch.tensor(box).round().tolist())


def _cut_off(box: Box) -> Box:
    return tuple(torch.tensor(box).trunc().tolist())


_MASK = torch.tensor([[0.1, 0.8, 0.3], [0.9, 0.6, 0.2], [0.4, 1.0, 0.7]])

paste_mask = Exercise(
    name="paste_mask",
    reference=_paste_mask,
    cases={
        "a mask of 2 x 2 in a box of whole pixels": (_MASK[:2, :2], (1.0, 2.0, 5.0, 8.0), (9, 7)),
        "a mask of 3 x 3 in a box between pixels": (_MASK, (0.8, 1.3, 7.1, 4.7), (6, 9)),
        "a mask of 3 x 3 in a box that is smaller": (_MASK, (3.2, 1.1, 5.4, 2.9), (4, 8)),
        "a mask of 3 x 3 in a box that reaches out of the image": (
            *(_MASK, (-1.7, 2.4, 3.6, 9.2), (6, 5)),
        ),
    },
    mistakes={
        "x and y are exchanged: the box is (x1, y1, x2, y2), and rows go with y": partial(
            _paste_mask, swapped=True
        ),
        "pixel (y, x) has its centre at (y + 0.5, x + 0.5); yours takes its corner": partial(
            _paste_mask, pixel_centre=0.0
        ),
        "cell j of the mask has its centre at j + 0.5 in the mask's grid; yours takes it to be at "
        "j": partial(_paste_mask, cell_centre=0.0),
        "you round the box outwards to whole pixels, which moves the mask's edge by up to a "
        "pixel": partial(_paste_mask, read_box=_outwards),
        "you round the box to whole pixels, which moves the mask's edge": partial(
            _paste_mask, read_box=_rounded
        ),
        "you cut off the decimals of the box, which moves the mask's edge": partial(
            _paste_mask, read_box=_cut_off
        ),
        "you take the nearest cell; between cells the mask is interpolated, or its edge would "
        "have stairs as large as a cell": partial(_paste_mask, weigh=_nearest),
        "between the outermost cells' centres and the box's border yours fades; there the mask "
        "keeps the outermost cell's value": partial(_paste_mask, keep_to_the_border=False),
        "pixels whose centre lies outside the box are 0; yours go on beyond it": partial(
            _paste_mask, only_inside=False
        ),
        "yours puts the outermost cells' centres on the box's border; they lie half a cell within "
        "it, since the m cells together fill the box": partial(
            _paste_mask, from_border_to_border=True
        ),
    },
    hints=(
        "The rule is the same along y and along x. Take one axis first: for each of its pixels, "
        "where does the centre lie in the mask's grid, and which two cells are next to it?",
        "A pixel at `position` p (in cells, after the half cell is taken off) weighs cell j by "
        "1 - |p - j|, or by 0 if that is negative. Keep p between 0 and m - 1, and set the weights "
        "of pixels outside of the box to 0.",
        "Along each axis make a matrix of weights, `[pixels, m]`. With `rows` along y and "
        "`columns` along x, the pasted mask is `rows @ mask @ columns.T`, as in lesson 04.",
    ),
)
