import pytest
import torchvision
from torch import nn

from mrcnn_lite.explore.measure.layer_cost import Cost, cost_of, cost_of_parts
from mrcnn_lite.models.backbone import mini_trunk


@pytest.mark.parametrize(
    ("build", "weights"),
    [
        (torchvision.models.resnet50, torchvision.models.ResNet50_Weights.IMAGENET1K_V1),
        (
            torchvision.models.resnext50_32x4d,
            torchvision.models.ResNeXt50_32X4D_Weights.IMAGENET1K_V1,
        ),
    ],
)
def test_whole_networks_cost_what_torchvision_publishes(build, weights):
    cost = cost_of(build(), (1, 3, 224, 224))
    assert cost.parameters == weights.meta["num_params"]
    assert cost.multiply_adds / 1e9 == pytest.approx(weights.meta["_ops"], abs=5e-4)


def test_parts_are_counted_by_hand_and_add_up():
    network = nn.Sequential(
        nn.Conv2d(6, 9, (3, 2), stride=2, groups=3), nn.Flatten(), nn.Linear(9 * 3 * 4, 5)
    )
    costs = cost_of_parts(network, ("0", "1", "2", ""), (2, 6, 7, 8))
    assert costs["0"] == Cost(9 * 2 * 6 + 9, 2 * (9 * 2 * 6) * 3 * 4)
    assert costs["1"] == Cost(0, 0)
    assert costs["2"] == Cost(108 * 5 + 5, 2 * 108 * 5)
    assert costs[""] == costs["0"] + costs["1"] + costs["2"]


def test_the_module_is_left_as_it_is():
    trunk = mini_trunk().train()
    before = trunk.bn1.running_mean.clone()
    cost_of(trunk, (1, 3, 64, 64))
    assert trunk.training
    assert trunk.bn1.running_mean.equal(before)
    assert trunk.conv1.weight.device.type == "cpu"


def test_a_part_that_is_not_there():
    with pytest.raises(AttributeError, match="layer9"):
        cost_of_parts(mini_trunk(), ["layer9"], (1, 3, 64, 64))
