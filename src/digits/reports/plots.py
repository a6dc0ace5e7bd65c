"""Draw DVC's charts in a page that needs no network, and open it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from digits.base import files, paths
from digits.base.errors import UserError
from digits.reports.desktop import open_page

FOLDER = "dvc_plots"  # in which DVC draws by itself, too
TEMPLATE = Path(__file__).with_name("plots.html")
VEGA_LITE = "5.21"  # the templates of DVC, and those in .dvc/plots, are made for version 5
CHART = 'var spec = {"'  # how a chart begins in DVC's page; one without data is {}


def show(revisions: Sequence[str]) -> None:
    """Draw the charts of dvc.yaml in dvc_plots/index.html, say where that is, and open it if there is a
    desktop. Each chart compares the `revisions`: a single one with the workspace. Without any, it shows the
    workspace.

    Raises UserError if DVC does not know a revision, or there is nothing to draw.
    """
    page = paths.ROOT / FOLDER / "index.html"
    page.unlink(missing_ok=True)  # DVC leaves it as it was if there is nothing at all to draw
    command = ["diff", *revisions] if revisions else ["show"]
    command += ["--html-template", str(TEMPLATE), "--out", str(page.parent)]
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "plots", *command],
        cwd=paths.ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as dvc:
        _write_vega(page.with_name("vega.js"))  # meanwhile
        _, complaints = dvc.communicate()
    if dvc.returncode:
        raise UserError(f"dvc plots: {_reason(complaints)}")
    if not (page.exists() and CHART in page.read_text(encoding="utf-8")):
        page.unlink(missing_ok=True)
        raise UserError("dvc plots: there is nothing to draw yet; run the pipeline first: dvc repro")
    sys.stderr.write(complaints)
    print(f"the charts are in {page.as_uri()}")
    open_page(page.as_uri())


def _write_vega(file: Path) -> None:
    """Write the JavaScript that draws the charts, unless it is there."""
    origin = f"// from vl-convert-python {version('vl-convert-python')}, Vega-Lite {VEGA_LITE}\n"
    if file.exists() and file.read_text(encoding="utf-8").startswith(origin):
        return
    import vl_convert

    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE)
    files.replace_durably(file, (origin + script).encode())


def _reason(complaints: str) -> str:
    """Return the error in what DVC prints, in one line."""
    _, _, error = complaints.rpartition("ERROR: ")
    return " ".join(error.split()) or "it failed, and did not say why"
