"""Checks of all exercises: `from mrcnn_lite import check`, then `check.NAME(your_function)`.

Each lesson's checks are a module of their own in `checks`, its predictions one in `questions`; here
they are gathered.
"""

from pathlib import Path

from mrcnn_lite.console import say
from mrcnn_lite.course.checks.lesson00 import choose_masks, count_anchors, refine_box
from mrcnn_lite.course.checks.lesson01 import area_under_envelope, box_iou, rle_encode
from mrcnn_lite.course.checks.lesson02 import box_that_is_read, max_gradient
from mrcnn_lite.course.checks.lesson02_pool import roi_pool
from mrcnn_lite.course.checks.lesson03 import bilinear_slope, resize
from mrcnn_lite.course.checks.lesson03_warp import roi_warp
from mrcnn_lite.course.checks.lesson04 import causes_of_error, roi_align
from mrcnn_lite.course.checks.lesson04_axis import axis_weights, sample_points
from mrcnn_lite.course.checks.lesson05 import map_size, pixels_seen, residual_block
from mrcnn_lite.course.checks.lesson05_cost import count_convolution, grouped_convolution
from mrcnn_lite.course.checks.lesson06 import cells_touched, level_of_box
from mrcnn_lite.course.checks.lesson06_pyramid import feature_pyramid, merge_step
from mrcnn_lite.course.checks.lesson07 import anchor_labels, encode_box, proposal_recall
from mrcnn_lite.course.checks.lesson07_proposals import nms_by_level, propose
from mrcnn_lite.course.checks.lesson08 import count_mask_branch, deltas_of_labels, mask_branch
from mrcnn_lite.course.checks.lesson08_detect import detect
from mrcnn_lite.course.checks.lesson09 import (
    decoupled_mask_loss,
    mask_gradient,
    share_under_a_rival,
)
from mrcnn_lite.course.checks.lesson10 import (
    assemble_parts,
    class_probabilities,
    object_mask,
)
from mrcnn_lite.course.checks.lesson11 import box_loss, clip_gradients, kind_of_error
from mrcnn_lite.course.checks.lesson11_paste import paste_mask
from mrcnn_lite.course.checks.lesson11b import hold_out_runs, size_in_cells, targets_of_people
from mrcnn_lite.course.checks.lesson12 import false_alarm, relative_gain, seeds_needed
from mrcnn_lite.course.checks.lesson13 import learning_rate_at, next_loss_scale, positions_of
from mrcnn_lite.course.checks.lesson13_step import parallel_gradients, train_in_amp
from mrcnn_lite.course.checks.lesson14 import best_place, rounding_shift, shifted_mask_iou
from mrcnn_lite.course.checks.lesson15 import place_loss, place_targets
from mrcnn_lite.course.checks.lesson15_reading import keypoint_similarity, read_places
from mrcnn_lite.course.lessons import HINTS_OFF
from mrcnn_lite.course.questions import QUESTIONS

EXERCISES = {
    exercise.name: exercise
    for exercise in (
        count_anchors,
        refine_box,
        choose_masks,
        rle_encode,
        box_iou,
        area_under_envelope,
        box_that_is_read,
        max_gradient,
        roi_pool,
        resize,
        bilinear_slope,
        roi_warp,
        sample_points,
        axis_weights,
        roi_align,
        causes_of_error,
        map_size,
        pixels_seen,
        residual_block,
        count_convolution,
        grouped_convolution,
        cells_touched,
        merge_step,
        feature_pyramid,
        level_of_box,
        proposal_recall,
        anchor_labels,
        encode_box,
        nms_by_level,
        propose,
        deltas_of_labels,
        mask_branch,
        detect,
        count_mask_branch,
        share_under_a_rival,
        decoupled_mask_loss,
        mask_gradient,
        assemble_parts,
        class_probabilities,
        object_mask,
        box_loss,
        paste_mask,
        clip_gradients,
        kind_of_error,
        targets_of_people,
        hold_out_runs,
        size_in_cells,
        relative_gain,
        seeds_needed,
        false_alarm,
        learning_rate_at,
        next_loss_scale,
        train_in_amp,
        parallel_gradients,
        positions_of,
        rounding_shift,
        best_place,
        shifted_mask_iou,
        place_targets,
        place_loss,
        read_places,
        keypoint_similarity,
    )
}
_hints_given: dict[str, int] = {}


def hint(name: str) -> None:
    """Print a hint to an exercise; ask again for a franker one, up to three.

    Raises:
        ValueError: there is no exercise of this name.
    """
    if name not in EXERCISES:
        raise ValueError(f"no exercise is called {name!r}; there are {', '.join(EXERCISES)}")
    if Path(HINTS_OFF).exists():
        print("There are no hints in this edition; ask whoever teaches you.")
        return
    hints = EXERCISES[name].hints
    number = min(_hints_given.get(name, 0) + 1, len(hints))
    _hints_given[name] = number
    say(f"Hint {number} of {len(hints)}: {hints[number - 1]}")


def predict(name: str, answer: str) -> None:
    """Print the reply to an answer to a lesson's prediction question; "?" prints the question.

    Raises:
        ValueError: there is no question of this name.
    """
    if name not in QUESTIONS:
        raise ValueError(f"no question is called {name!r}; there are {', '.join(QUESTIONS)}")
    say(QUESTIONS[name].respond(answer))
