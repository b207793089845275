"""A page on paper: PDF through a browser that is installed.

Question answered: *how does a page become a tagged PDF with an outline?*
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from riskmodel.errors import UsageError

__all__ = ["browser", "pdf"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",)
SECONDS = 120
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--no-pdf-header-footer", "--export-tagged-pdf", "--generate-pdf-document-outline"),
)
"""No sandbox, for a container has none: the pages are ours, hold no script and load nothing."""


def browser() -> str:
    """Return the browser that prints.

    Raises
    ------
    UsageError
        If none is installed.
    """
    found = next(filter(None, map(shutil.which, (*BROWSERS, *PLACES))), None)
    if found is None:
        raise UsageError(
            "a PDF needs Chromium or Chrome, and none was found; install it (`apt install chromium` on Debian) or "
            "print the HTML page from any browser"
        )
    return found


def pdf(source: Path, target: Path) -> None:
    """Print an HTML file as a PDF: A4, tagged, with an outline of its headings.

    Raises
    ------
    UsageError
        If no browser is installed, or it fails.
    """
    with tempfile.TemporaryDirectory(prefix="riskmodel-browser-", ignore_cleanup_errors=True) as profile:
        asked = [browser(), *FLAGS, f"--user-data-dir={profile}", f"--print-to-pdf={target}", source.as_uri()]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise UsageError(f"{target.name}: {asked[0]} did not print it ({problem})") from problem
    if not target.is_file() or target.read_bytes()[:5] != b"%PDF-":
        last = [line for line in done.stderr.splitlines() if line.strip()]
        raise UsageError(f"{target.name}: {asked[0]} did not print it ({last[-1] if last else 'it said nothing'})")
