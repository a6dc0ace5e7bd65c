"""Feed a target with bytes that reach new lines of the code, until one makes it fail or the time is over.

make fuzz                                                   a minute for each target
PYTHONPATH=src:tests/fuzz python tests/fuzz/fuzz.py idx 600     ten minutes of the IDX reader

What makes a target fail is kept in tests/fuzz/inputs/, where a test replays it from then on. Uses atheris,
with which libFuzzer measures the coverage of Python.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["digits", "gzip", "yaml", "omegaconf"]):
    from targets import TARGETS

INPUTS = Path(__file__).parent / "inputs"

if __name__ == "__main__":
    name, seconds = sys.argv[1:]
    with tempfile.TemporaryDirectory() as corpus:
        options = [f"-max_total_time={seconds}", "-max_len=300", "-timeout=5", "-rss_limit_mb=2000"]
        options += [f"-artifact_prefix={INPUTS / name}/", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, corpus, str(INPUTS / name)], TARGETS[name])
        atheris.Fuzz()
