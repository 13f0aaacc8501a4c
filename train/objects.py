"""Makes cut-outs of rendered objects for the observer's training.

usage: objects.py ASSETS OUT

ASSETS is the folder of Fluent emoji in three dimensions (MIT, npm package @lobehub/fluent-emoji-3d): one picture with an alpha
channel for each character, named after its code point. Taken are things that can lie on a road: animals, food, tools,
clothes, household. Left out are what a road has by itself (people, vehicles, trees, buildings, signs), faces and symbols, and the
families that are kept for validation (train/src/data/cutouts.rs). Colours are made duller, darker or lighter, and a third are turned
in hue, as the originals are far more colourful than photographs. The same assets give the same files.
"""

import pathlib
import random
import sys

from PIL import Image, ImageEnhance

ANIMALS = [(0x1F400, 0x1F43F), (0x1F54A, 0x1F54A), (0x1F577, 0x1F577), (0x1F980, 0x1F9AE), (0x1FAB0, 0x1FAB3), (0x1FACE, 0x1FACF)]
FOOD = [(0x1F32D, 0x1F330), (0x1F336, 0x1F336), (0x1F344, 0x1F37F), (0x1F950, 0x1F96F), (0x1F9C0, 0x1F9CB), (0x1FAD0, 0x1FADB)]
PLAY = [
    (0x1F380, 0x1F383), (0x1F388, 0x1F388), (0x1F392, 0x1F393), (0x1F399, 0x1F39B), (0x1F3A0, 0x1F3A0), (0x1F3A4, 0x1F3A5),
    (0x1F3A7, 0x1F3A9), (0x1F3AE, 0x1F3AF), (0x1F3B1, 0x1F3B3), (0x1F3B7, 0x1F3BB), (0x1F3BD, 0x1F3C0), (0x1F3C5, 0x1F3C6),
    (0x1F3C8, 0x1F3C9), (0x1F3D0, 0x1F3D3), (0x1F3F8, 0x1F3F9), (0x1F941, 0x1F941), (0x1F947, 0x1F947), (0x1F94A, 0x1F94F),
    (0x26BD, 0x26BE), (0x26F8, 0x26F8),
]
CLOTHES = [(0x1F451, 0x1F462), (0x1F484, 0x1F484), (0x1F488, 0x1F48A), (0x1F48D, 0x1F48E), (0x1F576, 0x1F576), (0x1F97B, 0x1F97F)]
OFFICE = [
    (0x1F4A1, 0x1F4A1), (0x1F4A3, 0x1F4A3), (0x1F4B0, 0x1F4B0), (0x1F4B4, 0x1F4B8), (0x1F4BA, 0x1F4BA), (0x1F4BC, 0x1F4C2),
    (0x1F4CB, 0x1F4E2), (0x1F4E6, 0x1F4F1), (0x1F4F7, 0x1F4FD), (0x1F4FF, 0x1F4FF), (0x1F5A5, 0x1F5A5), (0x1F5A8, 0x1F5A8),
    (0x1F5B1, 0x1F5B2), (0x1F5C2, 0x1F5C4), (0x1F5D1, 0x1F5D3), (0x1F5DC, 0x1F5DE), (0x1F5F3, 0x1F5F3), (0x2328, 0x2328),
    (0x260E, 0x260E), (0x2702, 0x2702),
]
TOOLS = [
    (0x1F50B, 0x1F512), (0x1F526, 0x1F52E), (0x1F56F, 0x1F570), (0x1F579, 0x1F579), (0x1F5E1, 0x1F5E1), (0x1F5FF, 0x1F5FF),
    (0x1F680, 0x1F680), (0x1F6AA, 0x1F6AA), (0x1F6AC, 0x1F6AC), (0x1F6B0, 0x1F6B0), (0x1F6BD, 0x1F6BD), (0x1F6BF, 0x1F6C1),
    (0x1F6CD, 0x1F6CD), (0x1F6CF, 0x1F6CF), (0x1F6D2, 0x1F6D2), (0x1F6DD, 0x1F6DF), (0x1F6E0, 0x1F6E2), (0x1F6F0, 0x1F6F0),
    (0x1F6F6, 0x1F6F8), (0x1F9E6, 0x1F9FF), (0x1FA70, 0x1FAA8), (0x1FAAD, 0x1FAAF), (0x231A, 0x231A), (0x2692, 0x2692),
    (0x2696, 0x2696), (0x26F5, 0x26F5),
]
TAKEN = ANIMALS + FOOD + PLAY + CLOTHES + OFFICE + TOOLS
# Bear, horses, unicorn, zebra, suitcase and laptop are kept for validation; the others are flat, or people.
LEFT_OUT = {
    0x1F40E, 0x1F434, 0x1F43B, 0x1F43E, 0x1F463, 0x1F464, 0x1F465, 0x1F4BB, 0x1F4C8, 0x1F4C9, 0x1F4CA, 0x1F984, 0x1F993, 0x1F9F3,
}


def is_taken(stem):
    """Whether a file holds one character alone, of those that are taken."""
    code, *others = stem.split("-")
    if set(others) - {"fe0f"}:
        return False
    code = int(code, 16)
    return code not in LEFT_OUT and any(first <= code <= last for first, last in TAKEN)


def recoloured(picture, chance):
    """The picture in colours as photographs have them, without its empty margin."""
    alpha = picture.getchannel("A")
    hue, saturation, value = picture.convert("RGB").convert("HSV").split()
    turn = chance.choice([0, 0, chance.randrange(256)])
    hue = hue.point(lambda h: (h + turn) % 256)
    colours = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    colours = ImageEnhance.Color(colours).enhance(chance.uniform(0.1, 0.9))
    gamma = chance.uniform(0.7, 1.8)
    colours = colours.point(lambda x: int(255 * (x / 255) ** gamma + 0.5))
    colours.putalpha(alpha)
    return colours.crop(alpha.point(lambda a: 255 if a > 20 else 0).getbbox())


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    assets, out = map(pathlib.Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    files = [file for file in sorted(assets.glob("*.webp")) if is_taken(file.stem)]
    if len(files) < 400:
        sys.exit(f"{assets}: {len(files)} objects; there should be about 500")
    for file in files:
        chance = random.Random(file.stem)
        recoloured(Image.open(file).convert("RGBA"), chance).save(out / f"object_{file.stem}_0.webp", lossless=True)


if __name__ == "__main__":
    main()
