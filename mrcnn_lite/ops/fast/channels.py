"""A table whose rows do not lie together in memory, some of its channels at a time.

What it replaces: a copy of the whole of a channels-first map, in which a cell's C channels are as
far apart as the map is large, so that sums over cells read one number here and one there. A few
channels of it are copied, worked on and laid among the results, before the next ones are.

Why it is faster: with fewer channels at once the calls take the time; with more, what is copied
leaves the cache, and the operating system has to find and clear memory for it. If the results are
as large as the table, laying them among each other takes longer than the copy: then all are taken.

Where it was measured: docs/results/roi_ops.md, contiguous maps.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

CHANNELS_AT_ONCE = 32


def some_channels(table: Tensor) -> list[slice]:
    """Which channels of a table to work on at a time: all, if its rows lie together in memory.

    Args:
        table: `Tensor[..., C]`; all dimensions but the last number its rows.
    """
    if table.is_contiguous():
        return [slice(None)]
    starts = range(0, table.shape[-1], CHANNELS_AT_ONCE)
    return [slice(start, start + CHANNELS_AT_ONCE) for start in starts]


def rows_of(table: Tensor, channels: slice) -> Tensor:
    """Some channels of a table, `Tensor[R, c]`, with rows lying together."""
    return table[..., channels].flatten(0, -2).contiguous()


def by_channels(
    table: Tensor, bags: int, function: Callable[[Tensor], Sequence[Tensor]]
) -> Sequence[Tensor]:
    """What `function` makes of a table, each result `Tensor[bags, C]`, or made of its parts.

    Each part's results have to be laid among the others', which takes longer than the copy of a
    table that is no larger than they are.
    """
    if table.is_contiguous() or table.shape[:-1].numel() <= bags:
        return function(rows_of(table, slice(None)))
    outputs = []
    for channels in some_channels(table):
        results = list(function(rows_of(table, channels)))  # [bags, c] each
        outputs = outputs or [result.new_empty(len(result), table.shape[-1]) for result in results]
        for output in outputs:
            # What is copied goes at once, so that the next part is made without it.
            output[:, channels] = results.pop(0)
    return outputs
