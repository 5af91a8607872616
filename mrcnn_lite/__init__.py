"""mrcnn-lite: Mask R-CNN (He, Gkioxari, Dollar, Girshick 2017), small enough to be read.

Data flows one way: image, features, proposals, RoI features, heads, losses or detections.
"""

__version__ = "0.1.0"
