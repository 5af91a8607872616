"""Fine-tuning: a model starts from weights that were trained for other classes."""

from torch import Tensor

from mrcnn_lite.errors import InputError
from mrcnn_lite.models import MaskRCNN

# The layers with an output per class, and the keypoint branch, which a model may learn beside what
# it knows; all others mean the same whatever the classes are.
CLASS_LAYERS = (
    "roi_heads.box_predictor.",
    "roi_heads.mask_predictor.mask_fcn_logits.",
    "roi_heads.mask_predictor.mask_logits.",
    "roi_heads.keypoint_",
)


def start_from(model: MaskRCNN, state: dict[str, Tensor]) -> list[str]:
    """Copy weights into `model`, but for layers that are new or have other classes: these stay.

    Args:
        model: has `state`'s parameter names.
        state: another model's `state_dict()`.

    Returns:
        The names of the parameters that were not copied.

    Raises:
        InputError: other layers differ too, so these are the weights of another kind of model.
    """
    own = model.state_dict()
    fitting = {
        name: value
        for name, value in state.items()
        if name in own and own[name].shape == value.shape
    }
    left = sorted(set(own) - set(fitting))
    strange = [name for name in left if not name.startswith(CLASS_LAYERS)]
    if strange or set(state) - set(own):
        differing = strange or sorted(set(state) - set(own))
        raise InputError(f"the weights belong to another kind of model: {differing[0]} differs")
    model.load_state_dict(fitting, strict=False)
    return left
