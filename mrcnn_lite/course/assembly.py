"""A Mask R-CNN made of functions that readers wrote: what lesson 11 trains, and 11b on people.

Each class is one of the package's modules with the same weights, in which a reader's function does
the work. The functions come from `pieces`, by the names of their exercises.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mrcnn_lite.models import MaskRCNN, MaskRCNNConfig, mask_rcnn
from mrcnn_lite.models.fast.training import predict_for
from mrcnn_lite.models.images import ImageBatch, resize_boxes
from mrcnn_lite.models.mask_rcnn import resize_proposals
from mrcnn_lite.models.roi_heads import RoIHeads
from mrcnn_lite.models.rpn import RegionProposalNetwork
from mrcnn_lite.ops import box_iou
from mrcnn_lite.ops.boxes import sample_balanced

Pieces = Mapping[str, Callable]
# To save time, one sample in each bin, where the package takes two along each axis.
SAMPLES_PER_BIN = 1


def assemble(pieces: Pieces, config: MaskRCNNConfig, seed: int) -> "MaskRCNNOfPieces":
    """Build a model with random weights, the same as `mask_rcnn(config)` draws.

    Args:
        pieces: by the names of their exercises "anchor_labels", "axis_weights", "box_loss",
            "decoupled_mask_loss", "deltas_of_labels", "detect", "encode_box", "feature_pyramid",
            "level_of_box", "mask_branch", "paste_mask", "propose" and "sample_points".
        config: of a model with a pyramid, a fully convolutional mask head and the sigmoid loss.
        seed: of the weights.
    """
    torch.manual_seed(seed)
    return rebuild(mask_rcnn(config), pieces)


def rebuild(
    model: MaskRCNN, pieces: Pieces, samples_per_bin: int = SAMPLES_PER_BIN
) -> "MaskRCNNOfPieces":
    """Put a reader's pieces into one of the package's models, trained or not.

    Args:
        model: of a kind that `assemble` takes. Its modules become the new model's.
        pieces: see `assemble`.
        samples_per_bin: of RoIAlign, along each axis; 2 is what the package takes.
    """
    model.backbone.fpn = PyramidOfPieces(model.backbone.fpn, pieces)
    return MaskRCNNOfPieces(model, pieces, samples_per_bin)


def package_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give the weights of a model of pieces the names that they have in the package's own."""
    renamed = {}
    for name, value in state.items():
        for prefix, package_prefix in _PACKAGE_NAMES.items():
            if name.startswith(prefix):
                name = package_prefix + name.removeprefix(prefix)
                break
        renamed[name] = value
    return renamed


_PACKAGE_NAMES = {
    "backbone.fpn.pyramid.": "backbone.fpn.",
    "roi_heads.mask_predictor.head.": "roi_heads.mask_head.",
    "roi_heads.mask_predictor.predictor.": "roi_heads.mask_predictor.",
}


class MaskRCNNOfPieces(MaskRCNN):
    """At inference, masks come to the image by "paste_mask"."""

    def __init__(self, model: MaskRCNN, pieces: Pieces, samples_per_bin: int):
        super().__init__(
            model.transform,
            model.backbone,
            RPNOfPieces(model.rpn, pieces),
            RoIHeadsOfPieces(model.roi_heads, pieces, samples_per_bin),
            model.config,
        )
        self.pieces = pieces

    def forward(self, images, targets=None, proposals=None):
        """See `MaskRCNN.forward`; at inference without its look at the arguments."""
        if self.training:
            return super().forward(images, targets, proposals)
        batch, _ = self.transform(images)
        features = self.backbone(batch.tensors)
        if proposals is None:
            proposals, _ = self.rpn(batch, features)
        else:
            proposals = resize_proposals(proposals, batch)
        detections, _ = self.roi_heads(batch, features, proposals)
        for found, size, original in zip(detections, batch.sizes, batch.original_sizes):
            found["boxes"] = resize_boxes(found["boxes"], size, original)
            pasted = found["masks"].new_zeros(len(found["masks"]), 1, *original)
            for k, (mask, box) in enumerate(zip(found["masks"], found["boxes"].tolist())):
                pasted[k, 0] = self.pieces["paste_mask"](mask, tuple(box), original)
            found["masks"] = pasted
        return detections


class PyramidOfPieces(nn.Module):
    """The pyramid's weights, used by "feature_pyramid".

    That knows no biases. A lateral one is the weight of one more channel, which is 1 everywhere.
    """

    def __init__(self, pyramid: nn.Module, pieces: Pieces):
        super().__init__()
        self.pyramid, self.pieces = pyramid, pieces

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """From the trunk's maps to the pyramid's, finest first."""
        features = [F.pad(feature, (0, 0, 0, 0, 0, 1), value=1.0) for feature in features]
        laterals = [
            torch.cat([block[0].weight, block[0].bias[:, None, None, None]], dim=1)
            for block in self.pyramid.inner_blocks
        ]  # each [C, C_k + 1, 1, 1]
        smooths = [block[0].weight for block in self.pyramid.layer_blocks]
        maps = self.pieces["feature_pyramid"](features, laterals, smooths)
        biases = [block[0].bias for block in self.pyramid.layer_blocks]
        # The subsampled level is the coarsest one's.
        biases.append(biases[-1])
        return [level + bias[:, None, None] for level, bias in zip(maps, biases)]


class RPNOfPieces(RegionProposalNetwork):
    """Labels by "anchor_labels", targets by "encode_box", proposals by "propose".

    Each level gives its share of the proposals, since "propose" knows a single level.
    """

    def __init__(self, rpn: RegionProposalNetwork, pieces: Pieces):
        super().__init__(rpn.anchor_generator, rpn.head, rpn.config)
        self.pieces = pieces

    def forward(
        self, images: ImageBatch, features: list[Tensor], targets: list[dict] | None = None
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Propose boxes, and compute the losses of a sample; see `RegionProposalNetwork`."""
        anchors = self.anchor_generator(features, images.padded_size)  # each [A_l, 4]
        with torch.no_grad():
            objectness, deltas = self.head(features)  # each [N, A_l] and [N, A_l, 4]
        proposals = [
            self.propose(anchors, [d[i] for d in deltas], [o[i] for o in objectness], size)
            for i, size in enumerate(images.sizes)
        ]
        if targets is None:
            return proposals, {}
        positives, negatives, target_deltas = self.draw_sample(torch.cat(anchors), targets)
        sampled = torch.cat([positives, negatives])
        return proposals, self.compute_losses(
            *predict_for(self.head, features, sampled), target_deltas
        )

    def propose(
        self,
        anchors: list[Tensor],
        deltas: list[Tensor],
        objectness: list[Tensor],
        size: tuple[int, int],
    ) -> Tensor:
        """Propose boxes of one image, `Tensor[P, 4]`, level by level."""
        pre_nms, post_nms = self._numbers_to_keep()
        threshold, of_level = self.config.rpn_nms_thresh, post_nms // len(anchors)
        return torch.cat(
            [
                self.pieces["propose"](*level, size, pre_nms, of_level, threshold)
                for level in zip(anchors, deltas, objectness)
            ]
        )

    def draw_sample(self, anchors: Tensor, targets: list[dict]) -> tuple[Tensor, Tensor, Tensor]:
        """Draw the anchors of the losses; see `RegionProposalNetwork.draw_sample`."""
        config, positives, negatives, deltas = self.config, [], [], []
        for i, target in enumerate(targets):
            iou = box_iou(target["boxes"], anchors)  # [G, M]
            labels = self.pieces["anchor_labels"](
                iou, config.rpn_fg_iou_thresh, config.rpn_bg_iou_thresh
            )
            objects, background = sample_balanced(
                labels, config.rpn_batch_size_per_image, config.rpn_positive_fraction
            )
            positives.append(objects + i * len(anchors))
            negatives.append(background + i * len(anchors))
            for anchor in objects:
                box = target["boxes"][iou[:, anchor].argmax()]
                deltas.append(self.pieces["encode_box"](box, anchors[anchor]))
        deltas = torch.stack(deltas) if deltas else anchors.new_zeros(0, 4)
        return torch.cat(positives), torch.cat(negatives), deltas


class RoIHeadsOfPieces(RoIHeads):
    """Reads, learns and detects by readers' functions; samples RoIs as the package does."""

    def __init__(self, heads: RoIHeads, pieces: Pieces, samples_per_bin: int):
        super().__init__(
            heads.config,
            heads.roi_op,
            heads.box_head,
            heads.box_predictor,
            nn.Identity(),
            MaskBranchOfPieces(heads.mask_head, heads.mask_predictor, pieces),
            mask_loss=pieces["decoupled_mask_loss"],
        )
        self.pieces = pieces
        self.samples_per_bin = samples_per_bin
        self.box_losses = self.compute_box_losses

    def read_roi_features(
        self, images: ImageBatch, features: list[Tensor], boxes: list[Tensor], bins: int
    ) -> Tensor:
        """Read RoIs from their levels, by "level_of_box" and RoIAlign of two pieces."""
        heights = [feature.shape[-2] for feature in features]
        numbers = [(images.padded_size[0] // height).bit_length() - 1 for height in heights]
        image = torch.cat([torch.full((len(b),), i) for i, b in enumerate(boxes)])  # [R]
        rois = torch.cat(boxes)  # [R, 4]
        sizes = self.config.roi_canonical_size, self.config.roi_canonical_level
        levels = torch.tensor(
            [
                self.pieces["level_of_box"](tuple(roi), *sizes, numbers[0], numbers[-1])
                for roi in rois.tolist()
            ]
        )
        read = features[0].new_zeros(len(rois), features[0].shape[1], bins, bins)
        for number, feature in zip(numbers, features):
            for i, of_image in enumerate(feature):
                here = ((levels == number) & (image == i)).nonzero().flatten()
                if len(here):
                    read[here] = self.align(of_image, rois[here], bins, 2**number)
        return read

    def align(self, feature: Tensor, rois: Tensor, bins: int, stride: int) -> Tensor:
        """RoIAlign of `Tensor[C, H, W]` at `Tensor[R, 4]`, all RoIs by two products."""
        if not self.config.aligned:
            rois = rois + stride / 2  # torchvision's weights learnt without the half cell
        weights = []
        for edges, length in (((1, 3), feature.shape[1]), ((0, 2), feature.shape[2])):
            points = [
                self.pieces["sample_points"](low, high, bins, self.samples_per_bin, stride)
                for low, high in rois[:, edges].tolist()
            ]  # each [P, S]
            stacked = self.pieces["axis_weights"](torch.cat(points), length)  # [R P, length]
            weights.append(stacked.view(len(rois), bins, length).to(feature))
        rows, columns = weights  # [R, P, H], [R, P, W]
        half_read = torch.einsum("rph,chw->rpcw", rows, feature)
        return torch.einsum("rpcw,rqw->rcpq", half_read, columns)  # [R, C, P, P]

    def encode_targets(
        self, rois: list[Tensor], targets: list[dict], matched: list[Tensor]
    ) -> Tensor:
        """Say by which deltas RoIs become their objects' boxes, `Tensor[R, 4]`."""
        weights = rois[0].new_tensor(self.config.bbox_reg_weights)
        deltas = [
            self.pieces["encode_box"](target["boxes"][k], roi) * weights
            if len(target["boxes"])
            else torch.zeros_like(roi)
            for of_image, target, indices in zip(rois, targets, matched)
            for roi, k in zip(of_image, indices)
        ]
        return torch.stack(deltas)

    def compute_box_losses(
        self, class_logits: Tensor, deltas: Tensor, labels: Tensor, target_deltas: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The class loss is PyTorch's, the box loss that of "box_loss"."""
        of_class = self.pieces["deltas_of_labels"](deltas, labels)  # [R, 4]
        box_loss = self.pieces["box_loss"](of_class, target_deltas, labels)
        return F.cross_entropy(class_logits, labels), box_loss

    def detect(
        self, images: ImageBatch, features: list[Tensor], proposals: list[Tensor]
    ) -> list[dict]:
        """Refine, keep and segment, image by image, by "detect"."""
        config = self.config
        numbers = [len(boxes) for boxes in proposals]
        outputs = [part.split(numbers) for part in self.predict_boxes(images, features, proposals)]
        detections = []
        for i, (class_logits, deltas) in enumerate(zip(*outputs)):

            def branch(boxes: Tensor, image: int = i) -> Tensor:
                of_images = [boxes if k == image else boxes[:0] for k in range(len(proposals))]
                return self.predict_masks(images, features, of_images)

            boxes, labels, scores, masks = self.pieces["detect"](
                *(class_logits, deltas, proposals[i], images.sizes[i], branch),
                *(config.box_score_thresh, config.box_nms_thresh, config.box_detections_per_img),
            )
            detections.append({"boxes": boxes, "labels": labels, "scores": scores, "masks": masks})
        return detections


class MaskBranchOfPieces(nn.Module):
    """The mask branch's weights, used by "mask_branch"."""

    def __init__(self, head: nn.Module, predictor: nn.Module, pieces: Pieces):
        super().__init__()
        self.head, self.predictor, self.pieces = head, predictor, pieces

    def forward(self, roi_features: Tensor) -> Tensor:
        """From `Tensor[R, C, P, P]` to logits `Tensor[R, K, m, m]`."""
        convolutions = [(block[0].weight, block[0].bias) for block in self.head]
        upsampling, last = (
            (layer.weight, layer.bias)
            for layer in (self.predictor.conv5_mask, self.predictor.mask_fcn_logits)
        )
        return self.pieces["mask_branch"](roi_features, convolutions, upsampling, last)
