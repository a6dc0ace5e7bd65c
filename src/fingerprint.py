"""Write a digest of images that lie in a folder or file of one's own, so that DVC notices when they change.
As the first stage it also sees that a tracking server, if there is one, can be recorded on.

python src/fingerprint.py data=letters       into a new folder in outputs/
python src/fingerprint.py out=.              into data/fingerprint.json, as DVC does
dvc repro fetch                              as the first stage of the pipeline
"""

from pathlib import Path

from digits import cli
from digits.config.data import DataConfig
from digits.config.request import Request


def main(request: Request[DataConfig]) -> None:
    from digits.data.fingerprint import write_fingerprint
    from digits.tracking import preflight

    preflight.check_server(request.options.offline)
    write_fingerprint(request.config, Path(request.options.out))


if __name__ == "__main__":
    # without Hydra's own start, which takes half of the time: DVC runs this command each time
    cli.run_composed(main, DataConfig, ("data", "out", "offline"))
