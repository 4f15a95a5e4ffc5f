"""What mkdocs calls while it builds the site: files that live in other rooms come in here."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
TOKENS = ROOT / "lessons" / "figures" / "web" / "tokens.css"


def on_files(files: Files, config: Any) -> Files:
    """Add the figures' colours and faces, so that a page and a figure on it are of one look."""
    files.append(File.generated(config, "assets/tokens.css", abs_src_path=str(TOKENS)))
    return files
