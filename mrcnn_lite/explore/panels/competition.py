"""Sigmoid against softmax inside one RoI: whether one class's mask depends on another's logits."""

from collections.abc import Mapping
from typing import NamedTuple

from matplotlib.figure import Figure
from torch import Tensor

from mrcnn_lite.explore.browser import as_sent, pack
from mrcnn_lite.explore.palette import INSTANCE_COLORS, PREDICTION
from mrcnn_lite.explore.panels.controls import Choice, Number
from mrcnn_lite.explore.panels.panel import Panel


class Competition(NamedTuple):
    """The mask of one class under both rules, after another class's logits were raised.

    Attributes:
        sigmoid: `Tensor[m, m]`, probabilities.
        softmax: `Tensor[m, m]`, likewise.
        before: the two masks before the rival was raised.
        rival: `Tensor[m, m]`, the rival's own sigmoid.
        names: of the class and of its rival.
    """

    sigmoid: Tensor
    softmax: Tensor
    before: tuple[Tensor, Tensor]
    rival: Tensor
    names: tuple[str, str]


def compete(
    logits: Tensor, label: int, rival: int, boost: float, names: Mapping[int, str]
) -> Competition:
    """Raise a rival's logits by `boost` and see what becomes of the mask of `label`.

    Args:
        logits: `Tensor[K, m, m]` of one RoI, class 0 the background.
        label: the class of the object.
        rival: another class.
        boost: added to all of the rival's logits.
        names: label to name.
    """
    raised = logits.clone()
    raised[rival] += boost
    before = logits[label].sigmoid(), logits.softmax(dim=0)[label]
    after = raised[label].sigmoid(), raised.softmax(dim=0)[label]
    return Competition(*after, before, raised[rival].sigmoid(), (names[label], names[rival]))


def draw_competition(figure: Figure, found: Competition) -> None:
    """Draw the rival, the mask under both rules, and its middle row before and after."""
    axes = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.35))
    figure.subplots_adjust(left=0.02, right=0.98, bottom=0.16, top=0.86, wspace=0.2)
    name, rival = found.names
    shown = (
        (found.rival, f"rival: {rival} (sigmoid)"),
        (found.sigmoid, f"{name}: sigmoid"),
        (found.softmax, f"{name}: softmax"),
    )
    for panel, (values, title) in zip(axes, shown):
        panel.imshow(values, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        panel.set_title(title, fontsize=10, parse_math=False)
        panel.set_xticks([])
        panel.set_yticks([])
    row = len(found.sigmoid) // 2
    lines = (
        (found.before[1], "softmax, before", INSTANCE_COLORS[1], ":"),
        (found.softmax, "softmax", INSTANCE_COLORS[5], "-"),
        (found.sigmoid, "sigmoid", PREDICTION.color, "--"),
    )
    for values, label, color, line in lines:
        axes[3].plot(values[row], color=color, linestyle=line, linewidth=2, label=label)
    axes[3].set_ylim(-0.03, 1.03)
    axes[3].set_xlabel("column of the middle row")
    axes[3].set_title(f"probability of {name}", fontsize=10, parse_math=False)
    axes[3].legend(fontsize=8, loc="lower center")
    axes[3].grid(alpha=0.3)


def competition_panel(
    logits: Tensor,
    label: int,
    names: Mapping[int, str],
    rival: int | None = None,
    boost: float = 0.0,
) -> Panel:
    """Raise another class's logits and see the mask suffer from it, or not.

    Args:
        logits: `Tensor[K, m, m]`, a mask branch's output for one RoI.
        label: the class of the object.
        names: label to name, without the background.
        rival: the other class at the beginning; default: the first in `names`.
        boost: what is added to its logits at the beginning, -10 to 10.
    """
    logits = as_sent(logits)
    rivals = {name: number for number, name in names.items() if number != label}
    return Panel(
        "competition",
        {"logits": pack(logits), "of": label, "name": names[label]},
        {
            "rival": Choice("rival", rivals),
            "boost": Number("added to its logits", -10.0, 10.0, step=0.5),
        },
        {"rival": next(iter(rivals.values())) if rival is None else rival, "boost": boost},
        lambda **values: compete(logits, label, names=names, **values),
        draw_competition,
        size=(12, 3.2),
        label="one class's mask under sigmoid and under softmax, beside a rival's",
    )
