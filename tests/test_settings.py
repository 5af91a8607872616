"""What the configurations' fields take, and the words for what they do not take."""

import math

import numpy as np
import pytest

from mrcnn_lite.engine.recipe import RECIPES, TrainConfig
from mrcnn_lite.models.config import MaskRCNNConfig

WRONG_RECIPES = [
    ({"steps": 1e3}, "steps should be a whole number from 1 on, got 1000.0"),
    ({"steps": 0}, "steps should be a whole number from 1 on, got 0"),
    ({"batch_size": True}, "batch_size should be a whole number"),
    ({"warmup_steps": -5}, "warmup_steps should be a whole number from 0 on, got -5"),
    ({"evaluate_every": 0}, "evaluate_every should be a whole number from 1 on or None, got 0"),
    ({"checkpoint_every": "often"}, "checkpoint_every should be a whole number from 1 on"),
    ({"weight_decay": -1}, "weight_decay should be a number from 0 on, got -1"),
    ({"learning_rate": None}, "learning_rate should be a number from 0 on, got None"),
    ({"learning_rate": math.inf}, "learning_rate should be a number from 0 on, got inf"),
    ({"clip_gradient_norm": 0}, "clip_gradient_norm should be a number above 0 or None, got 0"),
    ({"decay_biases": 1}, "decay_biases should be True or False, got 1"),
    ({"schedule": "linear"}, "schedule should be one of cosine, steps, got 'linear'"),
    ({"optimizer": "SGD"}, "optimizer should be one of adamw, sgd, got 'SGD'"),
]
WRONG_MODELS = [
    ({"num_classes": 3.0}, "num_classes should be a whole number, got 3.0"),
    ({"aligned": "yes"}, "aligned should be True or False, got 'yes'"),
    ({"box_detections_per_img": "abc"}, "box_detections_per_img should be a whole number from 0"),
    ({"min_size": 0}, "min_size should be a whole number from 1 on or a tuple of one or more"),
    ({"min_size": ()}, "min_size should be"),
    ({"min_size": (64, -1)}, "min_size should be"),
    ({"image_mean": (0.5,)}, "image_mean should be a tuple of 3 entries, each a number, got"),
    ({"image_std": (0, 0, 0)}, "image_std should be a tuple of 3 entries, each a number above 0"),
    ({"anchor_ratios": 1.0}, "anchor_ratios should be a tuple of one or more entries, each a numb"),
    ({"anchor_sizes": ((32,), (64,), (128,), (256,), ())}, "anchor_sizes should be a tuple"),
    ({"mask_head_channels": ()}, "mask_head_channels should be a tuple of one or more entries"),
    ({"rpn_positive_fraction": 1.5}, "rpn_positive_fraction should be a number from 0 to 1"),
    ({"box_nms_thresh": math.nan}, "box_nms_thresh should be a number, got nan"),
    ({"bbox_reg_weights": (10, 10, 5)}, "bbox_reg_weights should be a tuple of 4 entries"),
    ({"num_classes": 2_000_000}, "num_classes should be at most 100,000, got 2000000"),
    ({"fpn_channels": 2_000_000}, "fpn_channels should be a whole number from 1 to 4,096, got 2"),
    ({"box_head_channels": 2_000_000}, "box_head_channels should be a whole number from 1 to 4,0"),
    ({"mask_head_channels": (2_000_000,)}, "mask_head_channels should be a tuple of one or more"),
    ({"mask_mlp_channels": (8, 2_000_000)}, "mask_mlp_channels should be a tuple of one or more"),
    ({"mask_head_channels": (8,) * 2_000}, "mask_head_channels should have at most 64 entri"),
    ({"anchor_ratios": (1,) * 2_000}, "anchor_ratios should have at most 64 entries, got 2,0"),
    ({"anchor_sizes": ((8,) * 2_000,) * 5}, "anchor_sizes should have at most 64 entries"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG_RECIPES)
def test_recipe_names_what_it_does_not_take(wrong, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        TrainConfig(**wrong)


@pytest.mark.parametrize(("wrong", "words"), WRONG_MODELS)
def test_model_names_what_it_does_not_take(wrong, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        MaskRCNNConfig(**wrong)


def test_every_number_has_the_range_of_its_defaults():
    for recipe in RECIPES.values():
        assert recipe == TrainConfig(**vars(recipe))
    config = TrainConfig(learning_rate=1, steps=np.int64(3), weight_decay=np.float32(0.5))
    assert (config.learning_rate, config.steps, config.weight_decay) == (1, 3, 0.5)


def test_lists_mean_the_same_as_tuples():
    lists = MaskRCNNConfig(min_size=[640, 800], image_mean=[0, 0, 0], anchor_ratios=[1])
    tuples = MaskRCNNConfig(min_size=(640, 800), image_mean=(0, 0, 0), anchor_ratios=(1,))
    assert lists == tuples
    assert hash(lists) == hash(tuples)
