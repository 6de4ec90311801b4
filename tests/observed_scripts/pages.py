"""Images from files, by Pillow or OpenCV, a chain of albumentations, a small model. python pages.py FOLDER [flip]"""

import sys
from pathlib import Path

import albumentations as A
import cv2
import numpy as np
import torch
from albumentations.pytorch import ToTensorV2
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Pages(Dataset):
    def __init__(self, folder, flips):
        self.paths = sorted(map(str, Path(folder).rglob("*.jpg")))[:16]
        random = [A.HorizontalFlip(p=0.5)] if flips else []
        self.chain = A.Compose([A.LongestMaxSize(64), A.PadIfNeeded(64, 64), *random, A.Normalize(), ToTensorV2()])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        if index % 2:
            image = cv2.imread(self.paths[index])[:, :, ::-1]
        else:
            image = np.array(Image.open(self.paths[index]).convert("RGB"))
        return self.chain(image=image)["image"], index


def main():
    loader = DataLoader(Pages(sys.argv[1], "flip" in sys.argv), batch_size=4, shuffle=True, num_workers=2)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    for _ in range(6):
        for image, _ in loader:
            loss = net(image).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
