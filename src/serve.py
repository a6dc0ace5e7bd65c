"""Serve a model on HTTP, with a page on which you draw what it recognises.

python src/serve.py                           the champion, and each new one that is promoted
python src/serve.py --port 8080 data=letters
python src/serve.py model=models/model.keras  the model of the last `dvc repro`
curl --data-binary @photo.png http://127.0.0.1:8000/predict
"""

import argparse

from digits import cli
from digits.base.processes import processors
from digits.serving import options


def main(arguments: argparse.Namespace) -> None:
    from digits.learning import runtime

    runtime.start(processors())

    from digits.serving.current import Current
    from digits.serving.server import serve

    current = Current(arguments.model, options.data_of(arguments))
    serve(current, arguments.host, arguments.port)


if __name__ == "__main__":
    parser = cli.Parser()
    options.add_model(parser)
    parser.add_argument("--port", type=int, default=8000, help="port of this machine")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 lets other machines in"
    )
    cli.run_parsed(main, parser)
