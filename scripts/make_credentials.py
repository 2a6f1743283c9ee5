"""Makes the passwords of compose.yaml's database and cache, once: runs in the application's image before both.

Argument: the folder, unless it is where the containers have it. Files that are there already stay as they are.
"""

import hashlib
import secrets
import sys
from pathlib import Path

FOLDER = Path("/var/run/secrets/marlinspike")
READABLE = 0o444
"""Three users read them, each in a container of its own."""


def main(arguments: list[str]) -> int:
    """Writes the files that are missing; returns the exit status."""
    folder = Path(arguments[0]) if arguments else FOLDER
    cache = _once(folder / "cache-password", secrets.token_urlsafe(32))
    _once(folder / "database-password", secrets.token_urlsafe(32))
    digest = hashlib.sha256(cache.encode()).hexdigest()
    _once(folder / "cache-users.acl", f"user default off\nuser app on #{digest} ~* &* +@all -@dangerous +info\n")
    return 0


def _once(path: Path, content: str) -> str:
    """What is in the file, from now on or already. A start that was interrupted leaves no half of one."""
    if not path.exists():
        unfinished = path.with_name(f"{path.name}.part")
        unfinished.write_text(content)
        unfinished.chmod(READABLE)
        unfinished.rename(path)
    return path.read_text()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
