import pytest
import torch

from mrcnn_lite.ops.fast import channels
from mrcnn_lite.ops.fast.channels import by_channels


@pytest.mark.parametrize(
    ("apart", "bags", "calls"),
    [(True, 7, [2, 2, 1]), (True, 40, [5]), (False, 7, [5])],
    ids=["in parts", "results as large as the table", "rows that lie together"],
)
def test_results_of_parts_are_those_of_the_whole(apart, bags, calls, monkeypatch):
    monkeypatch.setattr(channels, "CHANNELS_AT_ONCE", 2)
    table = torch.randn(5, 40).t()  # [40, 5], a row's numbers 40 apart
    seen = []

    def first_rows(part):
        assert part.is_contiguous()
        seen.append(part.shape[1])
        return part[:bags], 2 * part[:bags]

    once, twice = by_channels(table if apart else table.contiguous(), bags, first_rows)
    assert torch.equal(once, table[:bags])
    assert torch.equal(twice, 2 * table[:bags])
    assert seen == calls
