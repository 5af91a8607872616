"""The Region Proposal Network: where might there be an object? (Ren et al. 2015, section 3).

Anchors stand on every cell of every map, a small head says of each whether it is an object and how
it should be moved, and the best become proposals.
"""

import torch
from torch import Tensor, nn

from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.losses import rpn_losses
from mrcnn_lite.ops import batched_nms, box_iou, clip_boxes_to_image, remove_small_boxes
from mrcnn_lite.ops.boxes import decode_boxes, encode_boxes, match_boxes, sample_balanced

BOX_WEIGHTS = (1.0, 1.0, 1.0, 1.0)
# Narrower proposals, in pixels, are numerically no boxes at all.
MIN_PROPOSAL_SIZE = 1e-3


class RegionProposalNetwork(nn.Module):
    """Anchors and head, and what turns their predictions into proposals or losses.

    Args:
        anchor_generator: see `AnchorGenerator`.
        head: maps the features to what `RPNHead.forward` returns.
        config: thresholds and numbers, its `rpn_*` fields.
    """

    def __init__(self, anchor_generator: nn.Module, head: nn.Module, config: MaskRCNNConfig):
        super().__init__()
        self.config = config
        self.anchor_generator = anchor_generator
        self.head = head

    def forward(
        self, images: ImageBatch, features: list[Tensor], targets: list[dict] | None = None
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Propose boxes.

        Args:
            images: the batch that the features were computed from.
            features: P2, P3, ..., one `Tensor[N, C, H_k, W_k]` per level.
            targets: in training, each image's "boxes" in pixels of the resized image.

        Returns:
            Proposals, for each image `Tensor[P, 4]` in pixels of the resized image, best first;
            and the losses "loss_objectness" and "loss_rpn_box_reg" (none without targets).
        """
        anchors_by_level = self.anchor_generator(features, images.padded_size)
        anchors = torch.cat(anchors_by_level)  # [M, 4]
        objectness, deltas = self.head(features)
        # Under autocast they come in half precision, too coarse for boxes and for scores.
        objectness = torch.cat(objectness, dim=1).to(anchors.dtype)  # [N, M]
        deltas = torch.cat(deltas, dim=1).to(anchors.dtype)  # [N, M, 4]
        # Proposals are inputs of the next stage: no gradient flows back through them (section 3.2).
        boxes = decode_boxes(deltas.detach(), anchors, BOX_WEIGHTS)  # [N, M, 4]
        num_by_level = [len(level) for level in anchors_by_level]
        proposals = self.select_proposals(boxes, objectness.detach(), images.sizes, num_by_level)
        if targets is None:
            return proposals, {}
        positives, negatives, target_deltas = self.draw_sample(anchors, targets)
        sampled = torch.cat([positives, negatives])  # [S]
        losses = self.compute_losses(
            objectness.flatten()[sampled], deltas.flatten(0, 1)[sampled], target_deltas
        )
        return proposals, losses

    def select_proposals(
        self,
        boxes: Tensor,
        objectness: Tensor,
        image_sizes: list[tuple[int, int]],
        num_by_level: list[int],
    ) -> list[Tensor]:
        """Keep the best boxes: the top of each level, then non-maximum suppression level by level.

        Levels are kept apart because their logits compete on unequal terms: the finest level has
        hundreds of anchors for every one of the coarsest.

        Args:
            boxes: `Tensor[N, M, 4]`, the decoded anchors of all levels.
            objectness: `Tensor[N, M]`, logits.
            image_sizes: (height, width) to clip the boxes to.
            num_by_level: how many of the M belong to each level.

        Returns:
            For each image `Tensor[P, 4]`, by falling objectness.
        """
        pre_nms, post_nms = self._numbers_to_keep()
        candidates, offset = [], 0
        for number in num_by_level:
            level = objectness[:, offset : offset + number]  # [N, H W A]
            candidates.append(level.topk(min(pre_nms, number), dim=1).indices + offset)
            offset += number
        level_of = [
            objectness.new_full((indices.shape[1],), level, dtype=torch.int64)
            for level, indices in enumerate(candidates)
        ]
        level_of = torch.cat(level_of)  # [C], the candidates' levels
        candidates = torch.cat(candidates, dim=1)  # [N, C]
        scores = objectness.gather(1, candidates).sigmoid()  # [N, C]
        boxes = boxes.gather(1, candidates[..., None].expand(-1, -1, 4))  # [N, C, 4]

        proposals = []
        for image_boxes, image_scores, size in zip(boxes, scores, image_sizes):
            image_boxes = clip_boxes_to_image(image_boxes, size)
            keep = remove_small_boxes(image_boxes, MIN_PROPOSAL_SIZE)
            keep = keep[image_scores[keep] >= self.config.rpn_score_thresh]
            suppressed = batched_nms(
                image_boxes[keep], image_scores[keep], level_of[keep], self.config.rpn_nms_thresh
            )
            proposals.append(image_boxes[keep[suppressed[:post_nms]]])  # [P, 4]
        return proposals

    def assign_targets(self, anchors: Tensor, targets: list[dict]) -> tuple[Tensor, Tensor]:
        """Label each anchor as object, background or ignored, and say which box is its own.

        Args:
            anchors: `Tensor[M, 4]` in image pixels.
            targets: for each of N images "boxes", `Tensor[G, 4]`.

        Returns:
            Labels `Tensor[N, M]`: 1 object, 0 background, -1 ignored; and the matched boxes
            `Tensor[N, M, 4]`, zeros in an image without objects.
        """
        labels, matched_boxes = [], []
        for target in targets:
            boxes = target["boxes"]
            matches = match_boxes(
                box_iou(boxes, anchors),  # [G, M]
                self.config.rpn_fg_iou_thresh,
                self.config.rpn_bg_iou_thresh,
                keep_best_of_each=True,
            )
            # Background and ignored anchors (-1, -2) become (0, -1).
            labels.append(torch.where(matches >= 0, 1, matches + 1))
            if len(boxes):
                matched_boxes.append(boxes[matches.clamp(min=0)])  # [M, 4]
            else:
                matched_boxes.append(torch.zeros_like(anchors))
        return torch.stack(labels), torch.stack(matched_boxes)

    def draw_sample(self, anchors: Tensor, targets: list[dict]) -> tuple[Tensor, Tensor, Tensor]:
        """Draw the anchors that the losses are computed from, of each image by itself.

        Args:
            anchors: `Tensor[M, 4]` in image pixels.
            targets: for each of N images "boxes", `Tensor[G, 4]`.

        Returns:
            Numbers of positive and of negative anchors, `Tensor[P]` and `Tensor[Q]` of int64, where
            anchor m of image n has the number n M + m; and the positives' deltas `Tensor[P, 4]`.
        """
        labels, matched_boxes = self.assign_targets(anchors, targets)  # [N, M], [N, M, 4]
        positives, negatives = [], []
        for i, image_labels in enumerate(labels):
            image_positives, image_negatives = sample_balanced(
                image_labels,
                self.config.rpn_batch_size_per_image,
                self.config.rpn_positive_fraction,
            )
            positives.append(image_positives + i * len(anchors))
            negatives.append(image_negatives + i * len(anchors))
        positives, negatives = torch.cat(positives), torch.cat(negatives)  # [P], [Q]
        target_deltas = encode_boxes(
            matched_boxes.flatten(0, 1)[positives], anchors[positives % len(anchors)], BOX_WEIGHTS
        )  # [P, 4]
        return positives, negatives, target_deltas

    def compute_losses(
        self, objectness: Tensor, deltas: Tensor, target_deltas: Tensor
    ) -> dict[str, Tensor]:
        """Compute the losses of a sample, its P positives first.

        Args:
            objectness: `Tensor[S]`, logits.
            deltas: `Tensor[S, 4]`.
            target_deltas: `Tensor[P, 4]`.
        """
        place = torch.arange(len(objectness), device=objectness.device)  # [S]
        positives, negatives = place[: len(target_deltas)], place[len(target_deltas) :]
        labels = (place < len(target_deltas)).to(objectness.dtype)
        objectness_loss, box_loss = rpn_losses(
            objectness, deltas, labels, target_deltas, positives, negatives
        )
        return {"loss_objectness": objectness_loss, "loss_rpn_box_reg": box_loss}

    def _numbers_to_keep(self) -> tuple[int, int]:
        if self.training:
            return self.config.rpn_pre_nms_top_n_train, self.config.rpn_post_nms_top_n_train
        return self.config.rpn_pre_nms_top_n_test, self.config.rpn_post_nms_top_n_test


class RPNHead(nn.Module):
    """What is said of every anchor: a 3x3 convolution, then one logit and four box deltas of each.

    The same weights run over every level, since the pyramid's levels speak alike.

    Args:
        in_channels: C of the maps.
        num_anchors_per_cell: A.
        num_convolutions: how many come before the predictions; two in torchvision's second version.
    """

    def __init__(self, in_channels: int, num_anchors_per_cell: int, num_convolutions: int = 1):
        super().__init__()
        convolutions = [
            nn.Conv2d(in_channels, in_channels, kernel_size=3, padding=1)
            for _ in range(num_convolutions)
        ]
        # The nesting gives torchvision's parameter names.
        self.conv = nn.Sequential(
            *(nn.Sequential(convolution, nn.ReLU(inplace=True)) for convolution in convolutions)
        )
        self.cls_logits = nn.Conv2d(in_channels, num_anchors_per_cell, kernel_size=1)
        self.bbox_pred = nn.Conv2d(in_channels, num_anchors_per_cell * 4, kernel_size=1)
        for layer in (*convolutions, self.cls_logits, self.bbox_pred):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Predict for every anchor, in the order of `AnchorGenerator.forward`.

        Returns:
            For each level objectness logits `Tensor[N, H * W * A]` and deltas
            `Tensor[N, H * W * A, 4]`.
        """
        objectness, deltas = [], []
        for feature in features:
            hidden = self.conv(feature)  # [N, C, H, W]
            # Channels last: cell by cell, and within a cell anchor by anchor.
            level_logits = self.cls_logits(hidden).permute(0, 2, 3, 1)  # [N, H, W, A]
            objectness.append(level_logits.flatten(1))  # [N, H W A]
            level_deltas = self.bbox_pred(hidden).permute(0, 2, 3, 1)  # [N, H, W, A 4]
            deltas.append(level_deltas.reshape(len(feature), -1, 4))  # [N, H W A, 4]
        return objectness, deltas


class AnchorGenerator(nn.Module):
    """Place boxes of a few sizes and shapes on the grid of each feature map (section 3.1.1).

    Args:
        sizes: for each level, finest first, the anchors' sizes: the root of their area, in pixels
            of the resized image.
        aspect_ratios: height / width, the same on every level.
    """

    def __init__(self, sizes: tuple[tuple[int, ...], ...], aspect_ratios: tuple[float, ...]):
        super().__init__()
        self.sizes = sizes
        self.aspect_ratios = aspect_ratios
        self.num_anchors_per_cell = len(sizes[0]) * len(aspect_ratios)

    def forward(self, features: list[Tensor], padded_size: tuple[int, int]) -> list[Tensor]:
        """Make the anchors of one image; they are the same for every image of a batch.

        Args:
            features: one map per level, `Tensor[N, C, H, W]`; only size, dtype and device count.
                Of half-precision maps the anchors are float32: bfloat16 has no odd numbers from
                257 on.
            padded_size: (height, width) of the image batch that the maps were computed from.

        Returns:
            For each level `Tensor[H * W * A, 4]`, (x1, y1, x2, y2) in image pixels: row by row,
            cell by cell, and for each cell A anchors, ratio by ratio and in each size by size.
        """
        anchors = []
        for level_sizes, feature in zip(self.sizes, features):
            height, width = feature.shape[-2:]
            stride_y, stride_x = padded_size[0] // height, padded_size[1] // width
            shift_y = torch.arange(height, device=feature.device) * stride_y
            shift_x = torch.arange(width, device=feature.device) * stride_x
            y, x = torch.meshgrid(shift_y, shift_x, indexing="ij")  # [H, W], [H, W]
            shifts = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)  # [H W, 1, 4]
            dtype = torch.promote_types(feature.dtype, torch.float32)
            shapes = self.shapes(level_sizes).to(feature.device, dtype)  # [A, 4]
            anchors.append((shifts + shapes).reshape(-1, 4))  # [H W, A, 4] to [H W A, 4]
        return anchors

    def shapes(self, sizes: tuple[int, ...]) -> Tensor:
        """Make a level's anchors at the origin: `Tensor[A, 4]`, rounded to whole pixels."""
        size = torch.tensor(sizes, dtype=torch.float32)
        ratio_root = torch.tensor(self.aspect_ratios, dtype=torch.float32).sqrt()
        heights = (ratio_root[:, None] * size).flatten()  # [A]
        widths = ((1 / ratio_root)[:, None] * size).flatten()  # [A]
        return (torch.stack([-widths, -heights, widths, heights], dim=1) / 2).round()
