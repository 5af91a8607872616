import pytest
import torch
import torch.nn.functional as F

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.models import mini_config
from mrcnn_lite.models.backbone import mini_trunk
from mrcnn_lite.models.build import fcn
from mrcnn_lite.models.components import connected_components
from mrcnn_lite.models.fcn import NOT_TRAINED, find_instances
from mrcnn_lite.models.weights import load_trunk
from mrcnn_lite.ops.masks import semantic_map


def make_fcn():
    torch.manual_seed(0)
    return fcn(mini_config(7, neck="c4"))


def probabilities_of(classes, num_classes=4, certainty=0.9):
    """Every pixel sure of its class."""
    certain = F.one_hot(classes, num_classes).permute(2, 0, 1)
    return certain * certainty + (1 - certain) * (1 - certainty) / (num_classes - 1)


def squares(*boxes_and_labels, size=40):
    classes = torch.zeros(size, size, dtype=torch.int64)
    for (x1, y1, x2, y2), label in boxes_and_labels:
        classes[y1:y2, x1:x2] = label
    return classes


def test_touching_squares_of_a_class_become_one():
    classes = squares(((4, 4, 14, 14), 2), ((14, 4, 24, 14), 2))
    found = find_instances(probabilities_of(classes), most=20)
    assert found["boxes"].tolist() == [[4, 4, 24, 14]]
    assert found["labels"].tolist() == [2]
    torch.testing.assert_close(found["scores"], torch.tensor([0.9]))
    assert torch.equal(found["masks"][0, 0], (classes == 2).float())


@pytest.mark.parametrize("second", [((15, 4, 25, 14), 2), ((14, 4, 24, 14), 3)])
def test_squares_apart_or_of_two_classes_stay_two(second):
    first = ((4, 4, 14, 14), 2)
    found = find_instances(probabilities_of(squares(first, second)), most=20)
    boxes = sorted(found["boxes"].tolist())
    assert boxes == [list(map(float, box)) for box, _ in (first, second)]


def test_specks_and_surplus_are_left_out():
    classes = squares(((0, 0, 3, 3), 1), ((5, 5, 15, 15), 1), ((20, 20, 30, 30), 2))
    probabilities = probabilities_of(classes)
    probabilities[2] += 0.05 * (classes == 2)
    assert len(find_instances(probabilities, most=20)["boxes"]) == 2
    assert find_instances(probabilities, most=1)["labels"].tolist() == [2]


def test_nothing_but_background():
    found = find_instances(probabilities_of(squares()), most=20)
    assert found["boxes"].shape == (0, 4)
    assert found["masks"].shape == (0, 1, 40, 40)


@pytest.mark.parametrize("seed", range(3))
def test_components_are_those_of_a_flood_fill(seed):
    generator = torch.Generator().manual_seed(seed)
    classes = torch.randint(0, 3, (11, 14), generator=generator)
    left = {(y, x) for y in range(11) for x in range(14)}
    expected = []
    while left:
        start = min(left)
        region, waiting = set(), [start]
        while waiting:
            y, x = waiting.pop()
            if (y, x) in left and classes[y, x] == classes[start]:
                left.discard((y, x))
                region.add((y, x))
                waiting += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        expected.append(region)
    found = [set(map(tuple, r.nonzero().tolist())) for r in connected_components(classes)]
    assert found == expected


def test_a_long_spiral_is_one_component():
    classes = torch.zeros(41, 41, dtype=torch.int64)
    for ring in range(0, 20, 4):
        classes[ring : 41 - ring, ring : 41 - ring] = 1
        classes[ring + 2 : 39 - ring, ring + 2 : 39 - ring] = 0
        classes[ring + 1, ring : ring + 6] = 1
    joined = classes.clone()
    joined[20, :] = 1
    assert sum(int(joined[r][0]) == 1 for r in connected_components(joined)) == 1


def test_loss_leaves_padding_out_and_reaches_every_parameter():
    model = make_fcn().train()
    image, target = ShapesDataset(1, seed=3)[0]
    small = dict(target, masks=target["masks"][:, :64])
    losses = model([image, image[:, :64]], [target, small])
    assert losses.keys() == {"loss_semantic"}
    losses["loss_semantic"].backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
    batch, _ = model.transform([image, image[:, :64]])
    classes = torch.full((2, *batch.padded_size), NOT_TRAINED)
    for padded, one, size in zip(classes, (target, small), batch.sizes):
        masks = F.interpolate(one["masks"][None], size)[0]
        padded[: size[0], : size[1]] = semantic_map(masks, one["labels"])
    expected = F.cross_entropy(model.compute_logits(batch.tensors), classes, ignore_index=-1)
    torch.testing.assert_close(losses["loss_semantic"], expected)


def test_images_come_back_at_their_own_size():
    model = make_fcn().eval()
    with torch.no_grad():
        found = model([torch.rand(3, 128, 128), torch.rand(3, 70, 100)])
    assert [one["masks"].shape[-2:] for one in found] == [(128, 128), (70, 100)]


def test_pyramids_are_refused():
    with pytest.raises(ValueError, match="neck"):
        fcn(mini_config(7))


def test_fcn_starts_from_a_classifiers_trunk():
    trunk = mini_trunk(4)
    model = make_fcn()
    load_trunk(model, trunk.state_dict())
    stage = model.backbone.layer4
    assert torch.equal(stage[0].conv1.weight, trunk.layer4[0].conv1.weight)
