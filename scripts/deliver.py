"""What CI does to a real stack, one word each, so that a person can do the same: `make stack-preview STACK=dev`.

Needs pulumi, the aws command, credentials of the stack's role, and the backend's address (docs/procedures/backends.md).
From the environment: IMAGE, which a deployment brings (scripts/images.py), and BASE, the commit that a price is compared with.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx

from rehearsal.policy_result import pack_of
from rehearsal.stack_file import project_name

ROOT = Path(__file__).resolve().parents[1]

GOOD_ANSWERS = 10
"""In a row, one a second, before a release is called healthy."""

PATIENCE_SECONDS = 300.0

RESTORE_TEST_EVERY = timedelta(days=35)
"""A month, in which infra/backup.py has it made once, and some days."""

RESTORE_RUNBOOK = "see docs/runbooks/RestoreTestFailed.md"


class DeliveryError(Exception):
    """A step cannot be made; the message says why and what to do."""


def run(*words: str, folder: Path | None = None) -> str:
    """What a command prints. Raises DeliveryError with what it said."""
    try:
        done = subprocess.run(words, cwd=folder or ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise DeliveryError(f"there is no {words[0]} on PATH; install it") from None
    sys.stderr.write(done.stderr)
    if done.returncode != 0:
        raise DeliveryError(f"{words[0]} {words[1]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def pulumi(*words: str, folder: Path | None = None) -> str:
    """What a command of Pulumi prints. Raises DeliveryError with what it said."""
    return run("pulumi", *words, "--non-interactive", folder=folder)


def policies() -> tuple[str, ...]:
    """Options of pulumi that have it ask the program's policy pack, where it has one."""
    pack = pack_of(ROOT)
    return ("--policy-pack", str(pack)) if pack else ()


def preview_file(stack: str) -> Path:
    """Where a stack's preview is written, in a folder of the name that CI hands it on by."""
    return ROOT / "out" / f"preview-{stack}" / "preview.txt"


def price_file(stack: str) -> Path:
    """Where the stack's price is written, beside its preview."""
    return preview_file(stack).with_name("price.md")


def image_for(stack: str) -> str | None:
    """The image that an update takes: IMAGE, else the one that runs if it was delivered by digest; None: the stack file's."""
    running = json.loads(pulumi("stack", "output", "--json", "--stack", stack)).get("image", "")
    return os.environ.get("IMAGE") or (running if "@sha256:" in running else None)


def settings(stack: str, image: str | None, folder: Path | None = None) -> tuple[str, ...]:
    """Options of pulumi that give it the stack file of `folder` with `image` in it; the committed file stays as it is."""
    folder = folder or ROOT
    if image is None:
        return ()
    copy = ROOT / "out" / "delivery" / f"Pulumi.{stack}.yaml"
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / copy.name, copy)
    key = f"{project_name(folder)}:app.image"
    chosen = ("--config-file", str(copy))
    pulumi("config", "set", "--path", "--plaintext", key, image, "--stack", stack, *chosen, folder=folder)
    return chosen


def preview(stack: str) -> None:
    """Writes what `pulumi up` would change and what the stack then costs, each to its file; faults too, which are then raised."""
    preview_file(stack).parent.mkdir(parents=True, exist_ok=True)
    faults = []
    for part in (changes, price):
        try:
            part(stack)
        except DeliveryError as error:
            faults.append(str(error))
    if faults:
        raise DeliveryError("\n".join(faults))


def changes(stack: str) -> None:
    """Writes what `pulumi up` would change to `out/preview-<stack>/preview.txt`, a failure too, which is then raised."""
    file = preview_file(stack)
    try:
        chosen = settings(stack, image_for(stack))
        file.write_text(pulumi("preview", "--diff", "--color", "never", *policies(), "--stack", stack, *chosen))
    except DeliveryError as error:
        file.write_text(str(error))
        raise


def price(stack: str) -> None:
    """Writes what the stack costs, and what this change adds to that, to `out/preview-<stack>/price.md`.

    Raises DeliveryError where it costs more than its budget, or has something without a price.
    """
    before, note = ROOT / "out" / "delivery" / "before", ""
    (before / stack / "cost.json").unlink(missing_ok=True)
    try:
        price_before(stack, before / stack)
    except DeliveryError as error:
        note = f"What it cost before is not known: {error}"
    fault = _priced(stack, ROOT, *(() if note else ("--before", str(before))))
    cost = ROOT / "out" / stack / "cost.md"
    parts = [cost.read_text() if cost.exists() else "", note, fault and f"**Refused:** {fault}"]
    price_file(stack).parent.mkdir(parents=True, exist_ok=True)
    price_file(stack).write_text("\n".join(filter(None, parts)))
    if fault:
        raise DeliveryError(fault)


def price_before(stack: str, folder: Path) -> None:
    """Puts into `folder` the price of the stack before this change: as BASE has it, else where the main branch was left."""
    base = os.environ.get("BASE") or run("git", "merge-base", "HEAD", "origin/main").strip()
    with checked_out(base, ROOT / "out" / "before") as other:
        fault, found = _priced(stack, other), other / "out" / stack / "cost.json"
        if not found.exists():  # what is above its budget has a price all the same
            raise DeliveryError(fault)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, folder)


def _priced(stack: str, folder: Path, *options: str) -> str:
    """Has the program in `folder` priced, which leaves its files there; why that can't be, or empty."""
    (folder / "out" / stack / "cost.md").unlink(missing_ok=True)
    words = [sys.executable, "-m", "price", stack, *options]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip()[-1000:]


@contextmanager
def checked_out(commit: str, folder: Path) -> Iterator[Path]:
    """Another commit's files in `folder`, as long as needed."""
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    run("git", "worktree", "add", "--force", "--detach", str(folder), commit)
    try:
        yield folder
    finally:
        run("git", "worktree", "remove", "--force", str(folder))


def deploy(stack: str) -> None:
    """Brings the stack to what this commit says, with the image that it is given or has; its preview asks the policies."""
    sys.stdout.write(pulumi("up", "--yes", *policies(), "--stack", stack, *settings(stack, image_for(stack))))


def drift(stack: str) -> None:
    """Fails when something was changed beside Pulumi."""
    sys.stdout.write(pulumi("refresh", "--preview-only", "--expect-no-changes", "--diff", "--stack", stack))


def healthy(url: str, client: httpx.Client, pause: Callable[[float], None] = time.sleep) -> None:
    """Returns once the application has answered well several times in a row. Raises DeliveryError where it does not."""
    began, good, last = time.monotonic(), 0, "no answer"
    while good < GOOD_ANSWERS:
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise DeliveryError(
                f"{url} is not well after {PATIENCE_SECONDS:.0f} s (last: {last}); look at the pods and the last update"
            )
        try:
            answer = client.get(f"{url}/readyz")
            good, last = (good + 1, last) if answer.status_code == 200 else (0, f"status {answer.status_code}")
        except httpx.HTTPError as error:
            good, last = 0, str(error)
        pause(1.0)


def smoke(stack: str) -> None:
    """Asks the deployed application whether it is well."""
    with httpx.Client(timeout=5) as client:
        healthy(json.loads(pulumi("stack", "output", "--json", "--stack", stack))["url"], client)


def last_good(history: Sequence[Mapping[str, Any]], current: str, image: str | None = None) -> tuple[str, str | None]:
    """Commit and image of the newest update that succeeded and is not `current` with `image`; the newest comes first.

    An update that was not healthy was rolled back, which is an update of the commit before it. Raises DeliveryError.
    """
    for update in history:
        commit, used = str(update.get("environment", {}).get("git.head", "")), image_of(update)
        if commit == current and image in (None, used):
            continue
        if update.get("result") == "succeeded" and update.get("kind") == "update" and commit:
            return commit, used
    raise DeliveryError("no earlier update of another commit succeeded; nothing to go back to, correct it forward")


def image_of(update: Mapping[str, Any]) -> str | None:
    """The image in the configuration of an update, as the history has it."""
    sections = update.get("config", {})
    app = next((value for key, value in sections.items() if key.endswith(":app")), {})
    image = app.get("objectValue", {}).get("image")
    return str(image) if image else None


def rollback(stack: str) -> None:
    """Brings the stack to its last good state: that commit's program and settings, and its image. Data is not turned back."""
    history = json.loads(pulumi("stack", "history", "--json", "--stack", stack))
    commit, image = last_good(history, run("git", "rev-parse", "HEAD").strip(), os.environ.get("IMAGE"))
    with checked_out(commit, ROOT / "out" / "last-good") as folder:
        chosen = settings(stack, image, folder)
        sys.stdout.write(pulumi("up", "--yes", "--skip-preview", "--stack", stack, *chosen, folder=folder))
    smoke(stack)


def restored(stack: str, backup: Any = None, now: datetime | None = None) -> None:
    """Fails unless the stack's last restore test is not long ago and ended well. `backup` is boto3's client of AWS Backup."""
    backup, plans = backup or boto3.client("backup"), f"{project_name(ROOT)}_{stack}_"  # no hyphens in names of plans
    listed = backup.list_restore_testing_plans()["RestoreTestingPlans"]
    arn = next(
        (each["RestoreTestingPlanArn"] for each in listed if each["RestoreTestingPlanName"].startswith(plans)), None
    )
    if arn is None:
        raise DeliveryError(f"{stack} has no restore test; set backup.restore_test, or ask a stack that has one")
    pages = backup.get_paginator("list_restore_jobs").paginate(ByRestoreTestingPlanArn=arn)
    ended = [job for page in pages for job in page["RestoreJobs"] if job["Status"] not in ("PENDING", "RUNNING")]
    newest = max(ended, key=lambda job: job["CreationDate"], default=None)
    told = "there was none" if newest is None else f"the last began on {newest['CreationDate']:%Y-%m-%d}"
    if newest is None or (now or datetime.now(UTC)) - newest["CreationDate"] > RESTORE_TEST_EVERY:
        raise DeliveryError(
            f"no restore test of {stack} ended within {RESTORE_TEST_EVERY.days} days: {told}; {RESTORE_RUNBOOK}"
        )
    if newest["Status"] != "COMPLETED":
        why = newest.get("StatusMessage", "AWS gives no reason")
        raise DeliveryError(f"the restore test of {stack} is {newest['Status']} ({told}): {why}; {RESTORE_RUNBOOK}")
    print(f"{stack}: restore test COMPLETED, {told}")


STEPS: Mapping[str, Callable[[str], None]] = {
    "preview": preview, "deploy": deploy, "drift": drift, "smoke": smoke, "rollback": rollback, "price": price,
    "restored": restored,
}  # fmt: skip


def main() -> int:
    """Status 1 where a step cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("stacks", nargs="+")
    given = parser.parse_args()
    try:
        for stack in given.stacks:
            STEPS[given.step](stack)
    except KeyError as missing:
        print(f"{given.step}: the stack has no output {missing}")
        return 1
    except (DeliveryError, httpx.HTTPError) as error:
        print(f"{given.step}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
