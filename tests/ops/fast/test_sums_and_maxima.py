import pytest
import torch

from mrcnn_lite.ops.fast import maximum as maximum_file
from mrcnn_lite.ops.fast.maximum import _maximum_on_any_device, maximum
from mrcnn_lite.ops.fast.sparse import transpose_bags, weighted_sum

SIZES = torch.tensor([0, 1, 3, 0, 5, 17, 40, 300])  # empty ones too


@pytest.fixture
def bags():
    offsets = torch.cat([SIZES.new_zeros(1), SIZES.cumsum(0)]).int()
    cells = torch.cat([torch.randperm(400)[:size] for size in SIZES]).int()
    return torch.randn(400, 6, dtype=torch.float64).relu(), cells, offsets


def slow_max(table, cells, offsets):
    parts = [table[part] for part in cells.long().split(offsets.diff().tolist())]
    return torch.stack([part.amax(0) if len(part) else table.new_zeros(6) for part in parts])


def test_max_on_every_device_equals_loops(bags):
    assert torch.equal(maximum(*bags), slow_max(*bags))
    assert torch.equal(_maximum_on_any_device(*bags), slow_max(*bags))


@pytest.mark.parametrize("function", [maximum, _maximum_on_any_device])
def test_gradient_of_max_goes_to_the_first_of_equal_entries(function, bags):
    table, cells, offsets = bags
    table.requires_grad_()
    weight = torch.randn(len(SIZES), 6, dtype=torch.float64)
    (grad,) = torch.autograd.grad(function(table, cells, offsets), table, weight)
    expected = torch.zeros_like(table)
    for bag, part in enumerate(cells.long().split(SIZES.tolist())):
        for channel in range(6 if len(part) else 0):
            # NumPy's argmax is documented to give the first.
            first = table.detach()[part, channel].numpy().argmax()
            expected[part[first], channel] += weight[bag, channel]
    torch.testing.assert_close(grad, expected)


def test_gradient_of_max_where_int32_cannot_number_the_table(bags, monkeypatch):
    table, cells, offsets = bags
    weight = torch.randn(len(SIZES), 6, dtype=torch.float64)
    add_at, seen, gradients = maximum_file._add_at, [], []
    monkeypatch.setattr(
        maximum_file, "_add_at", lambda places, *rest: seen.append("int32") or add_at(places, *rest)
    )
    for largest in (2**31 - 1, 2000):  # the table has 2,406 numbers
        monkeypatch.setattr(maximum_file, "LARGEST", largest)
        output = maximum(table.requires_grad_(), cells, offsets)
        (places,) = output.grad_fn.saved_tensors
        seen.append(places.dtype)
        gradients += torch.autograd.grad(output, table, weight)
    assert torch.equal(*gradients)
    assert seen == [torch.int32, "int32", torch.int64]


def test_transposed_bags_are_the_transposed_matrix(bags):
    table, cells, offsets = bags
    weights = torch.randn(len(cells), dtype=torch.float64)
    dense = torch.zeros(len(SIZES), 400, dtype=torch.float64)
    bag = torch.arange(len(SIZES)).repeat_interleave(SIZES)
    dense.index_put_((bag, cells.long()), weights, accumulate=True)
    torch.testing.assert_close(weighted_sum(table, cells, weights, offsets), dense @ table)
    rows = torch.randn(len(SIZES), 6, dtype=torch.float64)
    transposed = transpose_bags(cells, weights, offsets, rows=400)
    torch.testing.assert_close(weighted_sum(rows, *transposed), dense.T @ rows)
