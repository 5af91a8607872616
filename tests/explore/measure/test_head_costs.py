import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mrcnn_lite.explore.measure.head_costs import cost_per_image, head_steps
from mrcnn_lite.models import MaskRCNNConfig, mask_rcnn, mini_config


def total(steps):
    return sum(step.cost.parameters for branch in steps.values() for step in branch)


@pytest.mark.parametrize("neck", ["fpn", "c4", "c5"])
@pytest.mark.parametrize("mask_head", ["fcn", "mlp", "none"])
def test_no_parameter_of_the_heads_is_forgotten(neck, mask_head):
    model = mask_rcnn(mini_config(5, neck=neck, mask_head=mask_head))
    steps = head_steps(model)
    assert total(steps) == sum(p.numel() for p in model.roi_heads.parameters())
    assert bool(steps["shared"]) == (neck != "fpn")
    assert bool(steps["mask"]) == (mask_head != "none")


def test_steps_of_the_papers_heads():
    with torch.device("meta"):
        pyramid = head_steps(mask_rcnn(MaskRCNNConfig(num_classes=81)))
        single_map = head_steps(mask_rcnn(MaskRCNNConfig(num_classes=81, neck="c4")))
    assert [step.sizes for step in pyramid["box"]] == [
        ((256, 7, 7),),
        ((1024,),),
        ((81,), (324,)),
    ]
    assert [step.sizes[0] for step in pyramid["mask"]] == [
        (256, 14, 14),
        (256, 14, 14),
        (81, 28, 28),
    ]
    assert [step.sizes[0] for step in single_map["shared"]] == [(1024, 14, 14), (2048, 7, 7)]
    assert [step.sizes[0] for step in single_map["mask"]] == [(81, 14, 14)]
    assert pyramid["mask"][1].name == "4 convolutions 3 × 3"
    assert pyramid["mask"][1].cost.multiply_adds == 4 * 9 * 256**2 * 14**2


@pytest.mark.parametrize(("neck", "mask_head"), [("fpn", "fcn"), ("fpn", "none"), ("c4", "fcn")])
def test_cost_per_image_is_what_a_run_costs(neck, mask_head):
    """Everything that a run of the model multiplies is counted, and nothing twice."""
    torch.manual_seed(0)
    # As many detections as there may be, whatever the scores.
    config = mini_config(
        5, neck=neck, mask_head=mask_head, box_score_thresh=0.0, box_detections_per_img=6
    )
    model = mask_rcnn(config).eval()
    image = torch.rand(3, 128, 128)
    with torch.inference_mode():
        batch, _ = model.transform([image])
        proposals = model.rpn(batch, model.backbone(batch.tensors))[0][0]
        with FlopCounterMode(display=False) as counter:
            (found,) = model([image])
    counted = counter.get_flop_counts()
    expected = {
        "backbone": ["backbone"],
        "RPN": ["rpn"],
        "shared head": ["roi_heads.shared_head"],
        "box branch": ["roi_heads.box_head", "roi_heads.box_predictor"],
        "mask branch": ["roi_heads.mask_head", "roi_heads.mask_predictor"],
    }
    costs = cost_per_image(model, (128, 128), len(proposals), len(found["boxes"]))
    assert len(found["boxes"]) == 6
    for part, cost in costs.items():
        flops = [sum(counted.get(f"MaskRCNN.{name}", {}).values()) for name in expected[part]]
        assert cost.multiply_adds == sum(flops) // 2
    everything = sum(cost.parameters for cost in costs.values())
    assert everything == sum(p.numel() for p in model.parameters())
