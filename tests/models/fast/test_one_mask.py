"""One class's mask by itself is that among all masks, to 1e-10."""

import pytest
import torch

from mrcnn_lite.datasets import ShapesDataset
from mrcnn_lite.models import mask_rcnn, mini_config, prepare_for_inference
from mrcnn_lite.models.fast.one_mask import OneMaskPredictor
from mrcnn_lite.models.heads import MaskPredictor

EXACT = {"atol": 1e-10, "rtol": 1e-10}


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("rois", [0, 1, 5])
def test_one_mask_is_that_among_all(layout, rois):
    torch.manual_seed(0)
    plain = MaskPredictor(3, 6, num_masks=4).double()
    torch.nn.init.normal_(plain.conv5_mask.bias)
    torch.nn.init.normal_(plain.mask_fcn_logits.bias)
    fast = OneMaskPredictor(plain).to(memory_format=layout)
    hidden = torch.randn(rois, 3, 5, 7, dtype=torch.float64).to(memory_format=layout)
    masks = torch.arange(rois) % fast.num_masks
    everything = plain(hidden)
    torch.testing.assert_close(fast(hidden), everything, **EXACT)
    torch.testing.assert_close(
        fast.predict_one(hidden, masks), everything[torch.arange(rois), masks], **EXACT
    )
    assert fast.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize(
    ("choices", "replaced"),
    [
        ({}, True),
        ({"neck": "c4"}, True),
        ({"class_agnostic_masks": True}, True),
        ({"mask_loss": "softmax"}, False),
        ({"mask_head": "mlp"}, False),
        ({"mask_head": "none"}, False),
    ],
    ids=str,
)
def test_a_prepared_models_masks_are_the_models(choices, replaced):
    torch.manual_seed(0)
    model = mask_rcnn(mini_config(4, box_score_thresh=0.0, **choices)).double().eval()
    prepared = prepare_for_inference(model, torch.float64)
    assert isinstance(prepared.roi_heads.mask_predictor, OneMaskPredictor) == replaced
    images = [ShapesDataset(1, seed=5)[0][0].double()]
    with torch.no_grad():
        found, expected = prepared(images)[0], model(images)[0]
    assert len(found["scores"]) > 5
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], atol=1e-8, rtol=1e-8)
