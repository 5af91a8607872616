"""The table of likely mistakes: what a student writes, and what the check replies.

Each breaks the lesson's own solution in one place or two. So it shares no code with the check's own
variants, and the reply is to the mistake, however it is written. None passes.
"""

import math
import re
from functools import cache

import pytest

from mrcnn_lite import check
from tests.course.lesson import LESSONS, define, is_named

pytestmark = pytest.mark.once

# Exercise: replacements in the lesson's solution, and words of the reply. Names of the lesson's
# own, such as `rows`, are those of its solution. None where the reply has no name for it.
ONE = {
    "roi_pool": [
        ({"max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)": "x2 - x1 + 1, y2 - y1 + 1"}, "at least one"),
        (
            {
                "max(y1 + i": "(y1 + i",
                "max(x1 + j": "(x1 + j",
                "rows, 0)": "rows)",
                "columns, 0)": "columns)",
            },
            "counts from the end",
        ),
        ({"top:bottom": "min(top, y1 + i * height // rows) : bottom"}, "starts at a negative"),
        (
            {
                "x1, y1, x2, y2 =": "ends = [input.shape[3], input.shape[2]] * 2\n"
                "        ends = [end / spatial_scale for end in ends]\n"
                "        box = [min(max(c, 0), end) for c, end in zip(box, ends)]\n"
                "        x1, y1, x2, y2 ="
            },
            "in pixels",
        ),
        ({"(coordinate * ": "(max(coordinate, 0) * "}, "cut the box off at 0"),
        ({"x2 - x1 + 1, 1": "x2 - x1, 1", "y2 - y1 + 1, 1": "y2 - y1, 1"}, "you forgot the + 1"),
    ],
    "sample_points": [
        (
            {
                "points = [": "points = torch.linspace(start, start + size, bins * samples)\n"
                "    points = points.view(bins, samples).tolist() or ["
            },
            "edge to edge of the box",
        ),
        ({"(i + 0.5) / samples": "(i + 1) / (samples + 1)"}, "as much room at the bin's edges"),
        ({"(i + 0.5) / samples": "i / max(samples - 1, 1)"}, "from edge to edge of the bin"),
        ({"low / stride,": "low // stride,"}, None),
    ],
    "roi_warp": [
        (
            {"(k + 0.5) / n_y": "(k + 1) / (n_y + 1)", "(m + 0.5) / n_x": "(m + 1) / (n_x + 1)"},
            "room",
        ),
        (
            {
                "torch.tensor(box)": "torch.tensor(box).clamp(min=0).minimum(torch.tensor("
                "[input.shape[3], input.shape[2]] * 2) / spatial_scale)"
            },
            "in pixels",
        ),
    ],
    "max_gradient": [
        ({"[y1:y2, x1:x2]": "[y1 : y2 + 1, x1 : x2 + 1]"}, "a cell too wide and high"),
    ],
    "area_under_envelope": [
        ({"range(end, -1, -1)": "range(end, 0, -1)"}, "the first rectangle is missing"),
    ],
    "map_size": [
        ({"(size + 2 * padding - kernel) // stride + 1": "-(-size // stride)"}, "rounds up"),
        (
            {
                "(size + 2 * padding - kernel) // stride": (
                    "-(-(size + 2 * padding - kernel) // stride)"
                )
            },
            "round down",
        ),
        (
            {
                "(size + 2 * padding - kernel) // stride + 1": (
                    "-(-(size + 2 * padding - kernel) // stride)"
                )
            },
            "two mistakes at once",
        ),
        (
            {"(size + 2 * padding - kernel) // stride + 1": "-(-(size + 2 * padding) // stride)"},
            "take the kernel off",
        ),
    ],
    "grouped_convolution": [
        ({"x.chunk(groups, dim=1)": "[x[:, g::groups] for g in range(groups)]"}, "every G-th"),
        ({"weight.chunk(groups)": "[weight[g::groups] for g in range(groups)]"}, "every G-th"),
        (
            {
                "x.chunk(groups, dim=1)": "[x[:, g::groups] for g in range(groups)]",
                "weight.chunk(groups)": "[weight[g::groups] for g in range(groups)]",
            },
            "two mistakes at once",
        ),
        (
            {
                "x.chunk(groups, dim=1)": "[x[:, g::groups] for g in range(groups)]",
                "weight.chunk(groups)": "[weight[g::groups] for g in range(groups)]",
                "torch.cat(": "torch.stack(",
                "in parts], dim=1)": "in parts], dim=2).flatten(1, 2)",
            },
            "take turns throughout",
        ),
    ],
    "encode_box": [
        ({"### BEGIN SOLUTION": "box, anchor = anchor, box"}, "box and anchor are swapped"),
    ],
    "proposal_recall": [
        (
            {
                "return (": "free = torch.ones(len(proposals)).bool()\n"
                "    found = 0\n"
                "    for row in box_iou(boxes, proposals):\n"
                "        hits = (free & (row >= threshold)).nonzero()\n"
                "        if len(hits):\n"
                "            free[hits[0]] = False\n"
                "            found += 1\n"
                "    return found / len(boxes)\n"
                "    return ("
            },
            "used up by the first",
        ),
    ],
    "anchor_labels": [
        ({"best_of_anchor < low": "(iou < low).any(dim=0)"}, "a single one is enough"),
        (
            {
                "    labels[best_of_anchor >= high] = 1\n": "",
                "labels[best_of_anchor < low] = 0": (
                    "labels[(iou < low).any(dim=0)] = 0\n    labels[best_of_anchor >= high] = 1"
                ),
            },
            "unless it is a 1 already",
        ),
    ],
    "propose": [
        (
            {
                "boxes, scores = boxes[keep], scores[keep]": (
                    "boxes, scores = boxes[keep][:post_nms], scores[keep][:post_nms]"
                )
            },
            "before you suppress",
        ),
        ({", objectness[best]": ", objectness"}, "index the scores, too"),
        ({"boxes, scores = boxes[keep], scores[keep]": "boxes = boxes[keep]"}, "go along together"),
    ],
    "detect": [
        (
            {
                "scores = class_logits.softmax(dim=1)": (
                    "scores = torch.zeros_like(class_logits)\n"
                    "    scores[:, 1:] = class_logits[:, 1:].softmax(dim=1)"
                )
            },
            "without the background",
        ),
        (
            {
                "keep = batched_nms(boxes": "top = scores.argsort(descending=True)[:number]\n"
                "    boxes, labels, scores = boxes[top], labels[top], scores[top]\n"
                "    keep = batched_nms(boxes"
            },
            "before you suppress",
        ),
    ],
    "mask_branch": [
        (
            {
                "F.conv_transpose2d(hidden, *upsampling, stride=2)": (
                    "F.interpolate(hidden, scale_factor=2, mode='bilinear')"
                )
            },
            "interpolates between the cells",
        ),
        (
            {
                "F.conv_transpose2d(hidden, *upsampling, stride=2)": (
                    "F.interpolate(hidden, scale_factor=2)"
                )
            },
            "copies each cell",
        ),
    ],
    "decoupled_mask_loss": [
        ({"return mask_logits.sum() * 0": "return torch.tensor(0.0)"}, "it is a constant"),
        ({"(of_true_class, ": "(of_true_class.detach(), "}, "it is a constant"),
    ],
    "box_loss": [
        (
            {"    return total": "    if not objects.any():\n        return 0.0\n    return total"},
            "it is a constant",
        ),
        ({"total / len(labels)": "torch.tensor((total / len(labels)).item())"}, "it is a constant"),
    ],
    "paste_mask": [
        ({"x1, y1, x2, y2 = box": "y1, x1, y2, x2 = box"}, "x and y are exchanged"),
        ({"torch.arange(length) + 0.5": "torch.arange(length)"}, "yours takes its corner"),
        ({"* len(mask) - 0.5": "* len(mask)"}, "yours takes it to be at j"),
        (
            {"= box\n": "= (math.floor(box[0]), math.floor(box[1]), *map(math.ceil, box[2:]))\n"},
            "outwards",
        ),
        ({"= box\n": "= (round(edge) for edge in box)\n"}, "you round the box to whole pixels"),
        ({"position.clamp(0, len(mask) - 1)": "position"}, "yours fades"),
        ({"near * inside[:, None]": "near"}, "yours go on beyond it"),
        ({"* len(mask) - 0.5": "* (len(mask) - 1)"}, "on the box's border"),
        (
            {"position.clamp(0, len(mask) - 1)": "position.clamp(0, len(mask) - 1).round()"},
            "nearest cell",
        ),
    ],
    "kind_of_error": [
        ({">= 0.5": "> 0.5", ">= 0.1": "> 0.1"}, "at least 0.5: >=, not >"),
        ({">= 0.5": "> 0.5"}, "at least 0.5: >=, not >"),
    ],
    "targets_of_people": [
        ({" if number != 0": ""}, "0 is the background"),
        (
            {"columns.max() + 1, rows.max() + 1": "columns.max(), rows.max()"},
            "ends where its last pixel ends",
        ),
        (
            {"columns.max() + 1, rows.max() + 1": "columns.max(), rows.max() + 1"},
            "ends where its last pixel ends",
        ),
        ({"torch.ones(len(people), dtype=torch.int64)": "torch.tensor(people)"}, "a label is a"),
        ({"rows, columns = mask": "columns, rows = mask"}, "x and y are swapped"),
    ],
    "hold_out_runs": [
        ({"place % run < run - held_out": "place % run >= held_out"}, "the first pictures of"),
        ({"ids.append(place + 1)": "ids.append(place)"}, "yours begin with 0"),
        ({"range(number)": "range(1, number + 1)", "place + 1)": "place)"}, "shifted by one"),
        ({"return to_train, to_measure": "return to_measure, to_train"}, "the other way round"),
    ],
    "size_in_cells": [
        ({"area**0.5": "area"}, "the square root of its area"),
        ({"area**0.5 * factor": "(area * factor) ** 0.5"}, "areas by its square"),
        ({", max_size / max(height, width))": ", 9.0)"}, "may not exceed `max_size`"),
        ({"factor / stride": "factor"}, "a cell covers `stride`"),
    ],
    "relative_gain": [
        (
            {
                "differences = better - base": "differences = better / base - 1",
                "/ base.mean()": "/ 1",
            },
            "the mean of the seeds' ratios",
        ),
    ],
    "learning_rate_at": [
        ({"step >= epoch / 26 * steps": "step >= epoch * (steps // 26)"}, "to whole steps"),
        ({"step >= epoch / 26 * steps": "step // (steps // 26) >= epoch"}, "to whole steps"),
    ],
    "train_in_amp": [
        ({"with torch.autocast(images[0].device.type, dtype):": "if True:"}, "in float32"),
        ({"optimizer.zero_grad()": "pass"}, "still there in the next"),
        ({"scaler.scale(loss).backward()": "loss.backward()"}, "goes backward unscaled"),
        ({"scaler.step(optimizer)": "optimizer.step()"}, "still scaled up"),
        ({"scaler.update()": "pass"}, "`scaler.update` is missing"),
        (
            {
                "scaler.scale(loss).backward()": "loss.backward()",
                "scaler.step(optimizer)": "optimizer.step()",
                "scaler.update()": "pass",
            },
            "the scaler is left out",
        ),
    ],
    "parallel_gradients": [
        ({"wrapped(own_images": "model(own_images"}, "call the wrapper, not the model"),
        ({"[process::num_processes]": "[::num_processes]"}, "those of process 0"),
        ({"[process::num_processes]": "[:]"}, "takes the whole batch"),
        ({"parameter.grad for": "parameter.grad / num_processes for"}, "once more"),
        ({"enabled=dtype is not None": "enabled=False"}, "in float32, whatever"),
    ],
    "place_targets": [
        ({".floor()": ".round()"}, "round to the nearest place"),
        ({".floor()": ""}, "rounds -0.3 up to 0"),
        (
            {"cells[..., 1] * side + cells[..., 0]": "cells[..., 0] * side + cells[..., 1]"},
            "counted row by row",
        ),
        ({"    cells[points == bottom_right] = side - 1\n": ""}, "falls out"),
        ({"inside = (": "cells = cells.clamp(0, side - 1)\n    inside = ("}, "push a keypoint"),
        ({"keypoints[..., 2] > 0": "keypoints[..., 2] == 2"}, "hidden keypoints"),
        ({"inside & (keypoints[..., 2] > 0)": "inside"}, "nothing is known of"),
    ],
    "place_loss": [
        ({"flatten(start_dim=2)[learnt]": "flatten(start_dim=2).softmax(-1)[learnt]"}, "twice"),
        (
            {
                "return F.cross_entropy(rows_to_learn, places[learnt])": (
                    "return F.cross_entropy(rows_to_learn, places[learnt], reduction='sum')"
                )
            },
            "add up",
        ),
        ({"return logits.sum() * 0": "return torch.tensor(0.0)"}, "it is a constant"),
    ],
    "read_places": [
        ({" + 0.5": ""}, "left and upper edge"),
        ({"highest % w": "highest % h", "highest // w": "highest // h"}, "number of rows"),
        ({"highest % w": "highest // w", "highest // w": "highest % w"}, None),
        ({"x1 + (": "(", "y1 + (": "("}, "corner is not added"),
        ({") / w": ") / (w - 1)", ") / h": ") / (h - 1)"}, "outer places were points"),
    ],
    "keypoint_similarity": [
        ({"(2 * sigma)": "sigma"}, "COCO takes 2 sigma"),
        ({"* area": "* area**0.5"}, "you take the root"),
        ({"true[:, 2] > 0": "true[:, 2] == 2"}, "hidden keypoints"),
        ({"[known] ** 2": " ** 2"}, "(visibility 0) counts"),
        ({".sum(dim=1)": ".sum(dim=1) ** 0.5"}, "not squared"),
    ],
    # Of each lesson that has taken a box apart, the mistakes that nearly everyone makes once.
    "box_that_is_read": [
        ({"max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)": "x2 - x1, y2 - y1"}, "you forgot the + 1"),
        (
            {"max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)": "x2 - x1 + 1, y2 - y1"},
            "you forgot the + 1",
        ),
        ({"round_half_away(": "round("}, "halves to the even neighbour"),
        ({"round_half_away(": "int("}, "cut off the fraction"),
        ({"round_half_away(": "math.floor("}, "round down"),
        ({"x1, y1, x2, y2 =": "y1, x1, y2, x2 ="}, "x and y are swapped"),
    ],
}
# Two mistakes at once: each has to be named.
TWO = {
    "box_that_is_read": [
        (
            {
                "max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)": "x2 - x1, y2 - y1",
                "round_half_away": "int",
            },
            ("cut off the fraction", "forgot the + 1"),
        ),
        (
            {"round_half_away(": "math.floor(", "x1, y1, x2, y2 = (": "y1, x1, y2, x2 = ("},
            ("round down", "x and y are swapped"),
        ),
    ],
    "max_gradient": [
        (
            {"[y1:y2, x1:x2]": "[y1 : y2 + 1, x1 : x2 + 1]", "+= arriving": "= arriving"},
            ("a cell too wide", "overwrites"),
        ),
    ],
    "roi_pool": [
        (
            {"x2 - x1 + 1, 1": "x2 - x1, 1", "y2 - y1 + 1, 1": "y2 - y1, 1", "amax(": "mean("},
            ("forgot the + 1", "take the mean"),
        ),
        (
            {"round_half_away(": "int(", "input[int(image)": "input[0"},
            ("cut off the fraction", "image 0 for every box"),
        ),
    ],
    "sample_points": [
        (
            {"low / stride, (high - low) / stride": "low, high - low", "i + 0.5": "i"},
            ("the stride is missing", "edges where the parts begin"),
        ),
    ],
    "axis_weights": [
        (
            {"point - 0.5": "point", "-0.5 <= point <= length + 0.5": "-1 <= point <= length"}
            | {" / samples": ""},
            ("the half pixel is missing", "must be averaged"),
        ),
    ],
    "roi_align": [
        (
            {
                "x1, y1, x2, y2 = box": (
                    "y1, x1, y2, x2 = [math.floor(e / stride + 0.5) * stride for e in box]"
                )
            },
            ("round the box", "x and y of the box are swapped"),
        ),
    ],
    "read_places": [
        (
            {" + 0.5": "", ") / w": ") / (w - 1)", ") / h": ") / (h - 1)"},
            ("left and upper edge", "outer places were points"),
        ),
    ],
    "causes_of_error": [
        (
            {"x / stride + 0.5": "x / stride", "- half_pixel,": ","},
            ("cut the decimals", "counted twice"),
        ),
        (
            {"first_cell + 1": "first_cell", "stride / 2": "0"},
            ("the + 1 is missing", "half pixel is"),
        ),
    ],
}


@cache
def solutions() -> dict[str, tuple[str, str, dict]]:
    """By exercise: the function's name, its source, and what its lesson defines before it."""
    found = {}
    for lesson in LESSONS:
        namespace = {**lesson.definitions(), "math": math}
        for cell, solution in zip(lesson.check_cells, lesson.solution_cells):
            name, function = re.fullmatch(r"check\.(\w+)\((\w+)\)", cell.source).groups()
            found[name] = function, solution.source, dict(namespace)
            exec(solution.source, namespace)
    return found


def reply_to(name: str, replacements: dict[str, str]) -> str:
    """What the check says of the lesson's solution, changed in some places."""
    function, source, namespace = solutions()[name]
    for old, new in replacements.items():
        assert old in source, f"{name} has no {old!r} any more"
        source = source.replace(old, new)
    namespace = dict(namespace)
    define(source, namespace)
    verdict = check.EXERCISES[name].verdict(namespace[function])
    assert not verdict.passed, (name, replacements)
    return verdict.message


@pytest.mark.parametrize("name", ONE)
def test_likely_mistakes_are_refused_and_named(name):
    for replacements, words in ONE[name]:
        reply = reply_to(name, replacements)
        assert (words or name) in reply, (replacements, reply)


@pytest.mark.parametrize("name", TWO)
def test_two_mistakes_at_once_are_named_both(name):
    for replacements, words in TWO[name]:
        reply = reply_to(name, replacements)
        assert all(word in reply for word in words), (replacements, reply)


def test_nine_in_ten_have_a_name():
    table = [
        (name, reply_to(name, replacements))
        for entries in (ONE, TWO)
        for name in entries
        for replacements, _ in entries[name]
    ]
    nameless = [entry for entry in table if not is_named(check.EXERCISES[entry[0]], entry[1])]
    assert len(nameless) <= len(table) / 10, nameless
