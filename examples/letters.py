"""Render the letters A to Z from the fonts of Debian packages, as an example of a data set in folders.

python examples/letters.py                    writes data/letters/train/A/*.png ... data/letters/test/Z/*.png
python examples/letters.py --out FOLDER       replaces FOLDER if an earlier run wrote it
python examples/letters.py --packages         prints the Debian packages with the fonts

Each image has 32 x 32 grey values: a dark letter on white. A family of fonts is either in train or in test,
so that test shows the accuracy for new designs. The fonts are of Debian 12.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import shutil
import string
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.progress import track

FONTS = Path("/usr/share/fonts")
LETTERS = string.ascii_uppercase
SIDE = 32  # pixels
SIZES = (20, 24, 28)  # pixels of the longer side of a letter
SLANTS = {"left": -8, "upright": 0, "right": 8}  # degrees
DRAWN_AT = 96  # pixels of the font, before a letter is scaled down
CANVAS = 3 * DRAWN_AT  # pixels; the widest letters need half

# family | package | file | what * stands for. All styles of a design are one family, and no two copy one.
TRAIN = """
DejaVu | fonts-dejavu-core | truetype/dejavu/DejaVu*.ttf | Sans, Sans-Bold, Serif, Serif-Bold
Liberation | fonts-liberation | truetype/liberation/Liberation*.ttf | Sans-Regular, Sans-Bold, Serif-Regular
PT | fonts-paratype | truetype/paratype/*.ttf | PTS55F, PTS75F, PTF55F, PTM55F
Libertine | fonts-linuxlibertine | opentype/linux-libertine/Lin*.otf | Libertine_R, Libertine_RB, Biolinum_R
Gillius | fonts-adf-gillius | truetype/adf/GilliusADF-*.otf | Regular, Bold
League Spartan | fonts-league-spartan | opentype/league-spartan/LeagueSpartan-*.otf | Regular, Bold
Cabin | fonts-cabin | opentype/cabin/Cabin-*.otf | Regular, Bold
Dosis | fonts-dosis | opentype/dosis/Dosis-*.otf | Book, Bold
Comfortaa | fonts-comfortaa | truetype/comfortaa/Comfortaa-*.ttf | Regular, Bold
Open Sans | fonts-open-sans | truetype/open-sans/OpenSans-*.ttf | Regular, Bold
Eurofurence | fonts-eurofurence | truetype/eurofurence/*.ttf | eurof55, eurof75
Essays 1743 | fonts-essays1743 | truetype/essays1743/*.ttf | Essays1743, Essays1743-Bold
Didot | fonts-gfs-didot | opentype/didot/*.otf | GFSDidot, GFSDidotBold
Old Standard | fonts-oldstandard | truetype/fonts-oldstandard/OldStandard-*.ttf | Regular, Bold
Gentium | fonts-sil-gentium-basic | truetype/gentium-basic/*.ttf | GenBasR, GenBasB
Vollkorn | fonts-vollkorn | truetype/vollkorn/Vollkorn-*.ttf | Regular, Bold
EB Garamond | fonts-ebgaramond | opentype/ebgaramond/*.otf | EBGaramond12-Regular
Roboto Slab | fonts-roboto-slab | opentype/roboto/slab/RobotoSlab-*.otf | Regular, Bold
Courier Prime | fonts-courier-prime | opentype/courier-prime/*.otf | Courier Prime, Courier Prime Bold
IBM 3270 | fonts-3270 | truetype/3270/*.ttf | 3270-Regular
Fira Code | fonts-firacode | truetype/firacode/FiraCode-*.ttf | Regular, Bold
Go | fonts-go | fonts-go/Go-*.ttf | Regular, Bold, Mono
Inconsolata | fonts-inconsolata | truetype/inconsolata/*.otf | Inconsolata
OCR-B | fonts-ocr-b | opentype/ocr-b/*.otf | OCRB
Comic Neue | fonts-comic-neue | opentype/comic-neue/ComicNeue-*.otf | Regular, Bold
DKG Handwriting | fonts-dkg-handwriting | truetype/fifthhorseman/*.ttf | dkg, dkgBd
Because We | fonts-bwht | opentype/bwht/BecauseWe*-Regular.otf | Build, Create, Learn
Dancing Script | fonts-dancingscript | opentype/dancingscript/DancingScript-*.otf | Regular, Bold
Lobster | fonts-lobster | opentype/lobster/*.otf | lobster
Delphine | fonts-sjfonts | truetype/sjfonts/*.ttf | Delphine
Steve Hand | fonts-sjfonts | truetype/sjfonts/*.ttf | SteveHand
Domestic Manners | fonts-dustin | truetype/dustin/*.ttf | Domestic_Manners
Cherry Bomb | fonts-cherrybomb | opentype/cherrybomb/*.otf | CherryBomb-Regular
Lemonada | fonts-lemonada | opentype/lemonada/Lemonada-*.otf | Regular, Bold
Bebas Neue | fonts-bebas-neue | opentype/bebas-neue/*.otf | BebasNeue-Bold
OSP-DIN | fonts-opendin | truetype/opendin/*.ttf | OSP-DIN
Apropal | fonts-apropal | opentype/apropal/*.otf | Apropal-Bold
"""
TEST = """
Lato | fonts-lato | truetype/lato/Lato-*.ttf | Regular, Bold
Quicksand | fonts-quicksand | truetype/quicksand/Quicksand-*.ttf | Regular, Bold
Yanone | fonts-yanone-kaffeesatz | opentype/yanone-kaffeesatz/YanoneKaffeesatz-*.otf | Regular, Bold
Baskervald | fonts-adf-baskervald | truetype/adf/*.otf | BaskervaldADFStd, BaskervaldADFStd-Bold
GNU Typewriter | fonts-gnutypewriter | truetype/gnutypewriter/*.ttf | GNUTypewriter
JetBrains Mono | fonts-jetbrains-mono | truetype/jetbrains-mono/JetBrainsMono-*.ttf | Regular, Bold
Humor Sans | fonts-humor-sans | truetype/humor-sans/*.ttf | Humor-Sans
Kaushan Script | fonts-kaushanscript | opentype/kaushanscript/*.otf | KaushanScript-Regular
StayPuft | fonts-staypuft | truetype/staypuft/*.ttf | StayPuft
El Abogado Loco | fonts-dustin | truetype/dustin/*.ttf | El_Abogado_Loco
"""


class Font(NamedTuple):
    split: str
    family: str
    package: str
    file: Path


def listed_fonts() -> list[Font]:
    """Return the fonts of TRAIN and TEST, whether they are installed or not."""
    fonts = []
    for split, table in (("train", TRAIN), ("test", TEST)):
        for line in table.strip().splitlines():
            family, package, file, styles = line.split(" | ")
            for style in styles.split(", "):
                fonts.append(Font(split, family, package, FONTS / file.replace("*", style)))
    return fonts


def draw_letter(face: ImageFont.FreeTypeFont, letter: str, degrees: float) -> Image.Image:
    """Return the letter in white on black, leaning to the right by `degrees`, without a border."""
    drawn = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(drawn).text((CANVAS / 2, CANVAS / 2), letter, fill=255, font=face, anchor="mm")
    shear = math.tan(math.radians(degrees))
    coefficients = (1, shear, -shear * CANVAS / 2, 0, 1, 0)
    drawn = drawn.transform(drawn.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
    return drawn.crop(drawn.getbbox())


def place_letter(drawn: Image.Image, size: int) -> Image.Image:
    """Return a white image with the letter dark in its centre. The longer side of the letter is `size`."""
    scale = size / max(drawn.size)
    width, height = (max(1, round(side * scale)) for side in drawn.size)
    ink = drawn.resize((width, height), Image.Resampling.LANCZOS)
    image = Image.new("L", (SIDE, SIDE), 255)
    image.paste(0, ((SIDE - width) // 2, (SIDE - height) // 2), ink)
    return image


def render_font(font: Font, out: Path) -> int:
    """Write the images of a font. Return how many they are."""
    # Pillow is also built without the other layout engine, which could give other bytes.
    face = ImageFont.truetype(font.file, DRAWN_AT, layout_engine=ImageFont.Layout.BASIC)
    name = font.file.stem.replace(" ", "")
    for letter, (slant, degrees) in itertools.product(LETTERS, SLANTS.items()):
        folder = out / font.split / letter
        folder.mkdir(parents=True, exist_ok=True)
        drawn = draw_letter(face, letter, degrees)
        for size in SIZES:
            place_letter(drawn, size).save(folder / f"{name}-{size}-{slant}.png")
    return len(LETTERS) * len(SLANTS) * len(SIZES)


def render_fonts(fonts: Sequence[Font], out: Path) -> int:
    """Write the images of all fonts, with a progress bar in a terminal. Return how many they are."""
    pool = ThreadPoolExecutor()  # threads are enough: Pillow releases the lock of Python
    try:
        counts = pool.map(lambda font: render_font(font, out), fonts)
        quiet = not sys.stderr.isatty()
        return sum(track(counts, "fonts", len(fonts), console=Console(stderr=True), disable=quiet))
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def replacement(target: Path) -> Iterator[Path]:
    """Yield a new folder that replaces `target`. After an error or an interrupt `target` is as it was."""
    stage = target.with_name(f".{target.name}.unfinished")
    shutil.rmtree(stage, ignore_errors=True)  # what a run that was killed has left
    try:
        (stage / "new").mkdir(parents=True)
        yield stage / "new"
        if target.exists():
            target.rename(stage / "old")
        (stage / "new").rename(target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def check(fonts: Sequence[Font], out: Path) -> None:
    """Exit with one line if fonts are missing, or `out` has files of others, which would be removed."""
    missing = [font for font in fonts if not font.file.is_file()]
    if missing:
        names = ", ".join(font.file.name for font in missing[:3]) + ", ..." * (len(missing) > 3)
        packages = " ".join(sorted({font.package for font in missing}))
        sys.exit(f"error: fonts are missing: {names}; apt-get install {packages}")
    found = {path.name for path in (*out.glob("*"), *out.glob("*/*"))}
    if out.is_file() or found - {"train", "test", *LETTERS}:
        sys.exit(f"error: {out}: has other files than those of this script; choose another folder")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/letters"), metavar="FOLDER")
    parser.add_argument("--packages", action="store_true")
    arguments = parser.parse_args(argv)
    out, fonts = arguments.out, listed_fonts()
    if arguments.packages:
        sys.exit(print(*sorted({font.package for font in fonts})))
    check(fonts, out)
    try:
        with replacement(out.resolve()) as folder:
            images = render_fonts(fonts, folder)
    except (OSError, KeyboardInterrupt) as error:
        sys.exit(f"error: {error}" if isinstance(error, OSError) else 130)
    families = len({font.family for font in fonts})
    print(f"{images:,} images of {len(LETTERS)} letters, {len(fonts)} fonts, {families} families: {out}")


if __name__ == "__main__":
    main()
