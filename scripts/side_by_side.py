"""`side_by_side.py COMMAND -- COMMAND ...`: runs commands at once, and prints what each said when all have ended.

For layers of tests that leave a core idle. The status is 1 when one of them failed. Ctrl-C reaches all of them, since they are in
one process group, and they are waited for while they stop what they started.
"""

import itertools
import subprocess
import sys
import tempfile


def main(words: list[str]) -> int:
    """Run the commands; returns the process' exit status."""
    commands = [
        list(words) for separator, words in itertools.groupby(words, lambda word: word == "--") if not separator
    ]
    running = []
    for command in commands:
        said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - read below, and gone with the process
        running.append((subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT), said))
    statuses = [_ended(process) for process, _ in running]
    for _, said in running:
        said.seek(0)
        sys.stdout.write(said.read())
    return int(any(statuses))


def _ended(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
