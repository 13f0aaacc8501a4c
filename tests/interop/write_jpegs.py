"""Writes whole JPEGs as Pillow (libjpeg-turbo) and FFmpeg encode them, with every kind of coding that cameras and
tools use: write_jpegs.py OUT COUNT PICTURE_FOLDER...   (COUNT of each encoder)"""

import random
import sys
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

QUALITIES = (40, 60, 75, 85, 95)


def pillow(picture: Image.Image, path: Path, rng: random.Random) -> None:
    options = {'quality': rng.choice(QUALITIES), 'subsampling': rng.choice((0, 1, 2))}
    options['progressive'] = rng.random() < 0.3
    options['optimize'] = rng.random() < 0.5
    if rng.random() < 0.4:
        options[rng.choice(('restart_marker_blocks', 'restart_marker_rows'))] = rng.choice((1, 2, 7))
    if rng.random() < 0.1:
        picture = picture.convert('L')
        del options['subsampling']
    picture.save(path, 'JPEG', **options)


def ffmpeg(picture: Image.Image, path: Path, rng: random.Random) -> None:
    pixels = rng.choice(('yuvj420p', 'yuvj422p', 'yuvj444p'))
    coder = av.CodecContext.create('mjpeg', 'w')
    coder.width, coder.height = picture.size
    coder.pix_fmt = pixels
    coder.time_base = Fraction(1, 25)
    coder.qmin = coder.qmax = rng.choice((2, 4, 8, 16))
    # of several slices each begins with a restart marker
    coder.options = {'huffman': rng.choice(('default', 'optimal')), 'slices': rng.choice(('1', '4'))}
    frame = av.VideoFrame.from_image(picture).reformat(format=pixels, dst_color_range='JPEG')
    packets = coder.encode(frame) + coder.encode(None)
    path.write_bytes(b''.join(bytes(packet) for packet in packets))


def main() -> None:
    out, count = Path(sys.argv[1]), int(sys.argv[2])
    files = sorted(path for folder in sys.argv[3:] for path in Path(folder).iterdir())
    if not files:
        sys.exit(f'{sys.argv[3:]}: no pictures')
    out.mkdir(parents=True)
    rng = random.Random(1)
    for i in range(count):
        with Image.open(rng.choice(files)) as opened:
            picture = opened.convert('RGB')
        picture.thumbnail((640, 640))
        # sizes that fill no whole block, too; FFmpeg's chroma needs an even number
        right, lower = (rng.randrange(side // 2, side) // 2 * 2 for side in picture.size)
        if rng.random() < 0.2:
            picture = picture.crop((0, 0, right, lower))
        pillow(picture, out / f'pillow_{i:05}.jpg', rng)
        ffmpeg(picture, out / f'ffmpeg_{i:05}.jpg', rng)


if __name__ == '__main__':
    main()
