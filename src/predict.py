"""Say which class pictures show.

python src/predict.py photo.jpg scan.png folder/
python src/predict.py folder/ --format csv --probabilities > answers.csv
python src/predict.py photo.jpg --out sheet.png           draw it as the network sees it
python src/predict.py photo.jpg model=models/model.keras  with the model of the last `dvc repro`
python src/predict.py - prepare=none < scan.png           fitted to the size alone
"""

import argparse
from pathlib import Path

from digits import cli
from digits.serving import options
from digits.serving.pictures import PREPARE
from digits.serving.prediction import FORMATS, predict


def main(arguments: argparse.Namespace) -> int:
    return predict(
        arguments.pictures,
        arguments.model,
        options.data_of(arguments),
        arguments.prepare,
        arguments.format,
        arguments.probabilities,
        arguments.out,
    )


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument(
        "pictures", nargs="+", metavar="PICTURE", help="a file, a folder, or - for standard input"
    )
    options.add_model(parser)
    parser.add_argument(
        "--prepare",
        choices=PREPARE,
        default="auto",
        help="auto: as the images of the model were, unless the size fits; mnist: always cropped, centred, "
        "and bright on black; none: fitted to the size alone",
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="of the answers")
    parser.add_argument(
        "--probabilities", action="store_true", help="show those of all classes; default: of the best"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="SHEET.png",
        help="draw the pictures as the network sees them; default: draw none",
    )
    cli.run_parsed(main, parser)
