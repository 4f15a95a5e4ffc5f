"""Set up .venv from requirements.lock, once.

Everything that is installed is pinned and checked by hash. `uv`, itself pinned in the lock, does
the bulk of it in seconds; where it cannot run, or cannot reach the index that pip can reach, pip
does the same work more slowly. A note of what was installed is left in .venv, so that a second
run reads three small files and stops.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
LOCK = ROOT / "requirements.lock"
NOTE = VENV / "offset-zero.ready"
TRANSCRIPT = VENV / "setup.log"

# uv does not read pip's settings; a machine that needs one of these to reach its packages says so
# to pip, and we pass it on.
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "proxy": "ALL_PROXY",
    "cert": "SSL_CERT_FILE",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}
UNREACHABLE = "the package index cannot be reached; is there a network, or a mirror to set for pip?"
# What a failed installation prints, and what that means; most telling first.
MEANINGS = (
    (r"hash mismatch|do not match the hashes", "a package is not the one that the lock names"),
    (r"no space left", "the disk is full"),
    (
        r"name resolution|name or service not known|nodename nor servname|dns error"
        r"|NewConnectionError|ConnectTimeout|connection refused|network is unreachable"
        r"|ProxyError|could not connect|error sending request",
        UNREACHABLE,
    ),
)


class SetupError(Exception):
    """Set-up cannot go on; the message says why and what to do, in one line."""


def wanted() -> str:
    """What .venv must be: the Python, the place it was made for, and what the lock asks for.

    The place matters because scripts in .venv/bin name their interpreter by its full path.
    """
    digest = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes())
    version = ".".join(map(str, sys.version_info[:3]))
    return f"{version}\n{VENV}\n{digest.hexdigest()}\n"


def is_ready() -> bool:
    """Whether an earlier run left .venv exactly as wanted."""
    try:
        return NOTE.read_text() == wanted() and PYTHON.exists()
    except OSError:
        return False


def is_usable() -> bool:
    """Whether a .venv is there that belongs to this Python and this folder, finished or not."""
    if not PYTHON.exists():
        return False
    try:
        if NOTE.read_text().splitlines()[:2] != wanted().splitlines()[:2]:
            return False
    except FileNotFoundError:
        pass
    probe = f"import sys, pip; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return subprocess.run([PYTHON, "-I", "-c", probe], capture_output=True).returncode == 0


def make_venv() -> None:
    """Make a fresh .venv, with the Python that runs this."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise SetupError(
            f"{sys.executable} comes without venv or ensurepip;"
            f" on Debian and Ubuntu: sudo apt install {package}"
        ) from None
    say(f"making .venv with Python {sys.version.split()[0]}")
    # When .venv's own Python runs this, the one it was made from must do it: .venv is cleared.
    base = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run([base, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if made.returncode != 0:
        lines = (made.stdout + made.stderr).strip().splitlines() or ["no reason given"]
        raise SetupError(f"cannot make {VENV}: {lines[-1]}")


def run(*command: "str | Path", env: "dict[str, str] | None" = None) -> bool:
    """Run a command, its output kept in the transcript."""
    with TRANSCRIPT.open("ab") as transcript:
        transcript.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        transcript.flush()
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=transcript, stderr=transcript)
    return done.returncode == 0


def pip(*arguments: "str | Path") -> bool:
    return run(PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments)


def uv(*arguments: "str | Path") -> bool:
    return UV.exists() and run(UV, "pip", *arguments, env=uv_environment())


def uv_environment() -> dict[str, str]:
    """This environment, with pip's settings under the names that uv knows."""
    listed = subprocess.run(
        [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "config", "list"],
        capture_output=True,
        text=True,
    ).stdout
    settings = dict(re.findall(r"^\S+?\.([a-z-]+)='(.*)'$", listed, re.MULTILINE))
    env = {
        UV_NAMES[name]: ",".join(value.split()) if name == "find-links" else value
        for name, value in settings.items()
        if name in UV_NAMES
    }
    return {**env, "VIRTUAL_ENV": str(VENV), **os.environ}


def uv_requirement() -> str:
    """The lines of the lock that pin uv."""
    found = re.search(r"^uv==(?:.*\\\n)*.*\n", LOCK.read_text(), re.MULTILINE)
    if found is None:
        raise SetupError(f"{LOCK.name} does not pin uv; make it anew with 'make lock'")
    return found.group()


def install_packages() -> None:
    """Install what the lock names, then the project itself, editable."""
    say("installing what requirements.lock names (some 150 packages; under a minute as a rule)")
    only_uv = VENV / "uv.lock.txt"
    only_uv.write_text(uv_requirement())
    # The lock is whole: nothing is to be added to it.
    hashes = ("--no-deps", "--require-hashes", "-r")
    has_uv = pip("install", "--retries", "2", *hashes, only_uv)
    if not has_uv and why() == UNREACHABLE:
        raise failed("installing")
    if not (has_uv and uv("install", *hashes, LOCK)):
        say("uv could not do it; pip does, in a minute or two")
        if not pip("install", *hashes, LOCK):
            raise failed("installing")
    itself = ("install", "--no-deps", "--no-build-isolation", "-e", ".")
    if not (uv(*itself) or pip(*itself)):
        raise failed("installing the project itself")
    # So that the first `broker start` is as quick as the second, on machines that keep no bytecode
    # (PYTHONDONTWRITEBYTECODE), too. Without it all works, more slowly.
    run(PYTHON, "-m", "compileall", "-q", "broker")


def failed(what: str) -> SetupError:
    return SetupError(f"{what} failed: {why()} (the whole story: {TRANSCRIPT.relative_to(ROOT)})")


def why() -> str:
    """What the transcript says about a failure, in one line."""
    text = TRANSCRIPT.read_text(errors="replace")
    for pattern, meaning in MEANINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return meaning
    errors = [line for line in text.splitlines() if re.match(r"\s*error", line, re.IGNORECASE)]
    return errors[-1].strip() if errors else "no reason given"


def say(sentence: str) -> None:
    print(f"offset-zero: {sentence}", file=sys.stderr, flush=True)


def main() -> int:
    if is_ready():
        return 0
    try:
        if not is_usable():
            make_venv()
        NOTE.unlink(missing_ok=True)
        TRANSCRIPT.write_text("")
        install_packages()
        NOTE.write_text(wanted())
    except SetupError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"cannot set up {VENV}: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; run it again to go on")
        return 130
    say("ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
