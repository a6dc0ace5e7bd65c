"""Write the fetched images as PNG files, in a folder for each class.

python src/export_images.py data=mnist                 into images/ in a new folder in outputs/
python src/export_images.py data=mnist out=/tmp/mnist  into /tmp/mnist/images/
python src/export_images.py data=sample                after python src/fetch.py data=sample out=.
"""

from digits import cli
from digits.config.data import DataConfig
from digits.config.request import Request


def main(request: Request[DataConfig]) -> None:
    from digits.base import paths
    from digits.data import export

    export.export(request.config, paths.RAW, request.out)


if __name__ == "__main__":
    cli.run(main, DataConfig, ("data", "out"))
