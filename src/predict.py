"""Say which class pictures show.

python src/predict.py photo.jpg scan.png folder/
python src/predict.py folder/ --format csv --probabilities > answers.csv
python src/predict.py photo.jpg --out sheet.png              draw it as the network sees it
python src/predict.py photo.jpg model=models/model.keras     with the model of the last `dvc repro`
python src/predict.py - prepare=none < scan.png              fitted to the size, and not prepared as MNIST was
"""

import argparse
from pathlib import Path

from digits import cli
from digits.config.params import read_params
from digits.serving.pictures import PREPARE
from digits.serving.prediction import FORMATS, predict


def main(arguments: argparse.Namespace) -> int:
    return predict(
        arguments.pictures,
        arguments.model,
        arguments.data or read_params()["data"],
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
    parser.add_argument("--model", default="champion", help="champion, a run, or a .keras file (%(default)s)")
    parser.add_argument("--data", help="whose champion: a preset (default: that of params.yaml)")
    parser.add_argument(
        "--prepare",
        choices=PREPARE,
        default="auto",
        help="auto: as the images of the model were, unless the size fits; mnist: always cropped, centred, "
        "and bright on black; none: fitted to the size alone",
    )
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument("--probabilities", action="store_true", help="show those of all classes")
    parser.add_argument(
        "--out", type=Path, metavar="SHEET.png", help="draw the pictures as the network sees them"
    )
    cli.run_parsed(main, parser)
