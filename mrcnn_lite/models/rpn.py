"""The Region Proposal Network: where might there be an object? (Ren et al. 2015, section 3)."""

import torch
from torch import Tensor, nn

from mrcnn_lite.models.anchors import AnchorGenerator
from mrcnn_lite.models.config import MaskRCNNConfig
from mrcnn_lite.models.images import ImageBatch
from mrcnn_lite.models.losses import rpn_losses
from mrcnn_lite.models.rpn_head import RPNHead
from mrcnn_lite.ops import batched_nms, box_iou, clip_boxes_to_image, remove_small_boxes
from mrcnn_lite.ops.boxes import decode_boxes, encode_boxes, match_boxes, sample_balanced

BOX_WEIGHTS = (1.0, 1.0, 1.0, 1.0)
# Narrower proposals, in pixels, are numerically no boxes at all.
MIN_PROPOSAL_SIZE = 1e-3


class RegionProposalNetwork(nn.Module):
    """Anchors and head, and what turns their predictions into proposals or losses."""

    def __init__(self, in_channels: int, config: MaskRCNNConfig):
        super().__init__()
        self.config = config
        self.anchor_generator = AnchorGenerator(config.anchor_sizes_by_map, config.anchor_ratios)
        self.head = RPNHead(in_channels, self.anchor_generator.num_anchors_per_cell)

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
        anchors = torch.cat(anchors_by_level)
        # Proposals are inputs of the next stage: no gradient flows back through them (section 3.2).
        # Only the few anchors sampled for the losses have one, and are predicted again.
        with torch.no_grad():
            objectness, deltas = self.head(features)
            # Under autocast they come in half precision, too coarse for boxes and for scores.
            objectness = torch.cat(objectness, dim=1).to(anchors.dtype)
            boxes = decode_boxes(torch.cat(deltas, dim=1).to(anchors.dtype), anchors, BOX_WEIGHTS)
            num_by_level = [len(level) for level in anchors_by_level]
            proposals = self.select_proposals(boxes, objectness, images.sizes, num_by_level)
        # Autocast keeps the weights that it has converted. Older releases (2.6 for one) read these
        # again for the losses, and as they were made without gradients, the head did not learn.
        torch.clear_autocast_cache()
        losses = {}
        if targets is not None:
            losses = self._losses(features, anchors, targets)
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
            level = objectness[:, offset : offset + number]
            candidates.append(level.topk(min(pre_nms, number), dim=1).indices + offset)
            offset += number
        level_of = [
            objectness.new_full((indices.shape[1],), level, dtype=torch.int64)
            for level, indices in enumerate(candidates)
        ]
        level_of = torch.cat(level_of)
        candidates = torch.cat(candidates, dim=1)
        scores = objectness.gather(1, candidates).sigmoid()
        boxes = boxes.gather(1, candidates[..., None].expand(-1, -1, 4))

        proposals = []
        for image_boxes, image_scores, size in zip(boxes, scores, image_sizes):
            image_boxes = clip_boxes_to_image(image_boxes, size)
            keep = remove_small_boxes(image_boxes, MIN_PROPOSAL_SIZE)
            keep = keep[image_scores[keep] >= self.config.rpn_score_thresh]
            suppressed = batched_nms(
                image_boxes[keep], image_scores[keep], level_of[keep], self.config.rpn_nms_thresh
            )
            proposals.append(image_boxes[keep[suppressed[:post_nms]]])
        return proposals

    def assign_targets(self, anchors: Tensor, targets: list[dict]) -> tuple[Tensor, Tensor]:
        """Say of each anchor whether it should fire, and on which box.

        Args:
            anchors: `Tensor[M, 4]` in image pixels.
            targets: for each of N images "boxes", `Tensor[G, 4]`.

        Returns:
            Labels `Tensor[N, M]`: 1 object, 0 background, -1 not asked; and the matched boxes
            `Tensor[N, M, 4]`, zeros in an image without objects.
        """
        labels, matched_boxes = [], []
        for target in targets:
            boxes = target["boxes"]
            matches = match_boxes(
                box_iou(boxes, anchors),
                self.config.rpn_fg_iou_thresh,
                self.config.rpn_bg_iou_thresh,
                keep_best_of_each=True,
            )
            # Background and ignored anchors (-1, -2) become (0, -1).
            labels.append(torch.where(matches >= 0, 1, matches + 1))
            if len(boxes):
                matched_boxes.append(boxes[matches.clamp(min=0)])
            else:
                matched_boxes.append(torch.zeros_like(anchors))
        return torch.stack(labels), torch.stack(matched_boxes)

    def _predict_for(self, features: list[Tensor], anchors: Tensor) -> tuple[Tensor, Tensor]:
        if isinstance(self.head, RPNHead):
            return self.head.predict_for(features, anchors)
        # A head of the reader's own has only to predict for all anchors.
        objectness, deltas = self.head(features)
        return torch.cat(objectness, dim=1).flatten()[anchors], torch.cat(deltas, dim=1).flatten(
            0, 1
        )[anchors]

    def _losses(
        self, features: list[Tensor], anchors: Tensor, targets: list[dict]
    ) -> dict[str, Tensor]:
        labels, matched_boxes = self.assign_targets(anchors, targets)
        samples = [
            sample_balanced(
                image_labels,
                self.config.rpn_batch_size_per_image,
                self.config.rpn_positive_fraction,
            )
            for image_labels in labels
        ]
        offsets = range(0, labels.numel(), len(anchors))
        positives, negatives = (
            torch.cat([part + offset for part, offset in zip(parts, offsets)])
            for parts in zip(*samples)
        )
        target_deltas = encode_boxes(
            matched_boxes.flatten(0, 1)[positives], anchors[positives % len(anchors)], BOX_WEIGHTS
        )
        sampled = torch.cat([positives, negatives])
        objectness, deltas = self._predict_for(features, sampled)
        place = torch.arange(len(sampled), device=sampled.device)
        objectness_loss, box_loss = rpn_losses(
            objectness.to(anchors.dtype),
            deltas.to(anchors.dtype),
            labels.flatten()[sampled].to(anchors.dtype),
            target_deltas,
            *place.split([len(positives), len(negatives)]),
        )
        return {"loss_objectness": objectness_loss, "loss_rpn_box_reg": box_loss}

    def _numbers_to_keep(self) -> tuple[int, int]:
        if self.training:
            return self.config.rpn_pre_nms_top_n_train, self.config.rpn_post_nms_top_n_train
        return self.config.rpn_pre_nms_top_n_test, self.config.rpn_post_nms_top_n_test
