"""What CI does to a real stack, one word each, so that a person can do the same: `make stack-preview STACK=dev`.

Needs pulumi, the aws command, credentials of the stack's role, and the backend's address (docs/procedures/backends.md).
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]

MARK = "<!-- marlinspike: previews -->"
"""By which the comment of a pull request is found again."""

LONGEST_COMMENT = 60_000
"""Characters; GitHub takes 65,536."""

POLICIES = ("--policy-pack", "policy")

GOOD_ANSWERS = 10
"""In a row, one a second, before a release is called healthy."""

PATIENCE_SECONDS = 300.0


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


def preview_file(stack: str) -> Path:
    """Where a stack's preview is written, in a folder of the name that CI hands it on by."""
    return ROOT / "out" / f"preview-{stack}" / "preview.txt"


def preview(stack: str) -> None:
    """Writes what `pulumi up` would change to `out/preview-<stack>/preview.txt`, a failure too, which is then raised."""
    file = preview_file(stack)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.write_text(pulumi("preview", "--diff", "--color", "never", *POLICIES, "--stack", stack))
    except DeliveryError as error:
        file.write_text(str(error))
        raise


def comment_body(previews: Mapping[str, str]) -> str:
    """One comment on all stacks; what is too long for GitHub is cut in its middle, where resources stand, not the count."""
    share = LONGEST_COMMENT // max(len(previews), 1)
    parts = [MARK, "### What a merge would change"]
    for stack, written in previews.items():
        text = written.replace("```", "'''").strip()
        last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing")
        left_out = len(text) - share
        shown = (
            f"{text[: share // 2]}\n... {left_out} characters left out ...\n{text[-share // 2 :]}"
            if left_out > 0
            else text
        )
        parts.append(f"<details><summary><b>{stack}</b>: {last}</summary>\n\n```diff\n{shown}\n```\n</details>")
    return "\n\n".join(parts)


def comment(stacks: Sequence[str], github: httpx.Client, repository: str, number: str) -> None:
    """Writes the previews into the pull request's one comment, new or renewed."""
    texts = {stack: preview_file(stack) for stack in stacks}
    body = {
        "body": comment_body(
            {name: file.read_text() if file.exists() else "no preview was made" for name, file in texts.items()}
        )
    }
    address, page = f"/repos/{repository}/issues/{number}/comments", 1
    while True:
        listed = github.get(address, params={"per_page": 100, "page": page}).raise_for_status().json()
        own = next((each["id"] for each in listed if each["body"].startswith(MARK)), None)
        if own is not None or len(listed) < 100:
            break
        page += 1
    if own is None:
        github.post(address, json=body).raise_for_status()
    else:
        github.patch(f"/repos/{repository}/issues/comments/{own}", json=body).raise_for_status()


def deploy(stack: str) -> None:
    """Brings the stack to what this commit says; with a preview before, so that nothing is touched where a policy refuses."""
    sys.stdout.write(pulumi("up", "--yes", *POLICIES, "--stack", stack))


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


def last_good(history: Sequence[Mapping[str, Any]], current: str) -> str:
    """The commit of the newest update that succeeded and is not `current`; the history has the newest first.

    An update that was not healthy was rolled back, which is an update of the commit before it. Raises DeliveryError.
    """
    for update in history:
        commit = str(update.get("environment", {}).get("git.head", ""))
        if update.get("result") == "succeeded" and update.get("kind") == "update" and commit and commit != current:
            return commit
    raise DeliveryError("no earlier update of another commit succeeded; nothing to go back to, correct it forward")


def rollback(stack: str) -> None:
    """Brings the stack to what the last good commit says: program, settings and image. Data is not turned back."""
    commit = last_good(
        json.loads(pulumi("stack", "history", "--json", "--stack", stack)), run("git", "rev-parse", "HEAD").strip()
    )
    folder = ROOT / "out" / "last-good"
    run("git", "worktree", "add", "--force", "--detach", str(folder), commit)
    try:
        sys.stdout.write(pulumi("up", "--yes", "--skip-preview", "--stack", stack, folder=folder))
    finally:
        run("git", "worktree", "remove", "--force", str(folder))
    smoke(stack)


STEPS: Mapping[str, Callable[[str], None]] = {
    "preview": preview, "deploy": deploy, "drift": drift, "smoke": smoke, "rollback": rollback,
}  # fmt: skip


def main() -> int:
    """Status 1 where a step cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=[*STEPS, "comment"])
    parser.add_argument("stacks", nargs="+")
    given = parser.parse_args()
    try:
        if given.step == "comment":
            headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
            with httpx.Client(base_url=os.environ["GITHUB_API_URL"], headers=headers, timeout=30) as github:
                comment(given.stacks, github, os.environ["GITHUB_REPOSITORY"], os.environ["PULL_REQUEST"])
        else:
            for stack in given.stacks:
                STEPS[given.step](stack)
    except KeyError as missing:
        print(
            f"{given.step}: there is no {missing}: as a variable, which GitHub sets in a workflow, or as an output of the stack"
        )
        return 1
    except (DeliveryError, httpx.HTTPError) as error:
        print(f"{given.step}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
