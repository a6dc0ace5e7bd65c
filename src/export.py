"""Export a model to ONNX, LiteRT or TensorFlow's SavedModel, to use it without this project.

python src/export.py                                       the champion, as ONNX
python src/export.py format=litert data=letters            that of another preset, as LiteRT
python src/export.py format=saved_model model=RUN          that of the run with this id or name
python src/export.py model=models/model.keras out=my.onnx  a file, to another file
"""

import argparse
from pathlib import Path

from digits import cli
from digits.base.processes import processors
from digits.learning import runtime
from digits.serving import exporting, options


def main(arguments: argparse.Namespace) -> None:
    runtime.start(processors())

    from digits.serving.choice import choose

    out = arguments.out or Path("outputs/export") / exporting.FORMATS[arguments.format].file
    exporting.export(choose(arguments.model, options.data_of(arguments)), arguments.format, out)


if __name__ == "__main__":
    parser = cli.Parser()
    parser.add_argument("--format", choices=exporting.FORMATS, default="onnx", help="of what is written")
    options.add_model(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="file or folder to write; default: one in outputs/export/"
    )
    cli.run_parsed(main, parser)
