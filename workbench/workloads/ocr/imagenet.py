"""ImageNet's statistics (RGB, of levels 0..1), as timm's and torchvision's encoders expect them."""

from __future__ import annotations

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
