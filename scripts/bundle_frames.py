"""A bundle's manifest, and pictures as its networks read them: what the scripts beside this share.

The pictures are made as src/engine/preprocess.rs makes them: resized in 8 bits with a triangle filter that
is widened when shrinking (Pillow's BILINEAR is the same filter), rows before columns, since each pass rounds;
then normalised in f32.
"""

import pathlib
import tomllib

import numpy
from PIL import Image

STEP = 32


class Bundle:
    """The manifest of a bundle folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.manifest = tomllib.loads((self.folder / "model.toml").read_text())
        self.input = self.manifest["input"]
        if "fixed" in self.input or "observer" not in self.manifest:
            raise SystemExit(f"{folder} is not supported: these scripts work on bundles as `lookout-train` makes "
                             "them, with an observer and with networks that take any size ([input] without fixed)")
        segmentation, observer = self.manifest["segmentation"], self.manifest["observer"]
        self.image = segmentation["image"]
        # what the segmentation network gives, and the observer takes beside the image
        self.seen = [segmentation["logits"], *segmentation["activations"]]
        self.observer = observer["output"]
        self.files = {"segmentation": segmentation["file"], "observer": observer["file"]}
        self.heights = {"full": self.input["full_height"], "reduced": self.input["reduced_height"]}

    def graph(self, part):
        """Path of the graph `segmentation` or `observer`."""
        return self.folder / self.files[part]

    def input_size(self, width, height, rows):
        """Width and height of the input for a camera's picture."""
        columns = max(1, (width * rows + height * STEP // 2) // (height * STEP)) * STEP
        return columns, rows

    def planes(self, picture, rows):
        """[1, 3, rows, columns] f32 of a PIL picture."""
        size = self.input_size(*picture.size, rows)
        rgb = picture.convert("RGB")
        for pass_size in ((rgb.width, size[1]), size):
            if rgb.size != pass_size:
                rgb = rgb.resize(pass_size, Image.Resampling.BILINEAR)
        mean, std = (numpy.array(self.input[k], numpy.float32) for k in ("mean", "std"))
        values = numpy.asarray(rgb, numpy.float32) * (1 / (255 * std)) - mean / std
        return numpy.ascontiguousarray(values.transpose(2, 0, 1)[None], numpy.float32)


def pictures(folder, count=None):
    """Paths of the pictures of a folder, `count` of them spread evenly."""
    known = {".webp", ".png", ".jpg", ".jpeg"}
    found = sorted(p for p in pathlib.Path(folder).iterdir() if p.suffix.lower() in known)
    if count is None or count >= len(found):
        return found
    return [found[i * len(found) // count] for i in range(count)]
