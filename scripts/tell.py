"""What CI tells people: previews and prices as one comment of a pull request, a rehearsal as the summary of its job."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from scripts import deliver

MARK = "<!-- marlinspike: previews -->"
"""By which the comment of a pull request is found again."""

LONGEST_COMMENT = 60_000
"""Characters; GitHub takes 65,536."""

LONGEST_PRICE = 5_000
"""Characters; a table of all components has some 1,000."""


def comment_body(previews: Mapping[str, str], prices: Mapping[str, str]) -> str:
    """One comment on all stacks; what is too long for GitHub is cut in its middle, where resources stand, not the count."""
    share = LONGEST_COMMENT // max(len(previews), 1) - LONGEST_PRICE
    parts = [MARK, "### What a merge would change"]
    for stack, written in previews.items():
        text, price = written.replace("```", "'''").strip(), prices.get(stack, "")[:LONGEST_PRICE].strip()
        last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing")
        left_out = len(text) - share
        shown = (
            f"{text[: share // 2]}\n... {left_out} characters left out ...\n{text[-share // 2 :]}"
            if left_out > 0
            else text
        )
        title = f"<b>{stack}</b>: {last}" + (f"; {price.splitlines()[0].strip('*')}" if price else "")
        parts.append(f"<details><summary>{title}</summary>\n\n```diff\n{shown}\n```\n\n{price}\n</details>")
    return "\n\n".join(parts)


def comment(stacks: Sequence[str], github: httpx.Client, repository: str, number: str) -> None:
    """Writes previews and prices into the pull request's one comment, new or renewed."""
    previews = {stack: _text(deliver.preview_file(stack), "no preview was made") for stack in stacks}
    body = {"body": comment_body(previews, {stack: _text(deliver.price_file(stack), "") for stack in stacks})}
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


def summary(stack: str) -> str:
    """What a rehearsal of the stack came to, from what it left in out/: Markdown, for who gets no preview."""
    plan = deliver.ROOT / "out" / stack / "plan.json"
    if not plan.exists():
        return f"### Rehearsal of {stack}\n\nIt left no plan: its log says why.\n"
    content = json.loads(plan.read_text())
    counts = ", ".join(f"{operation} {count}" for operation, count in content["changes"].items())
    objects = len(list((plan.parent / "manifests").glob("*.yaml")))
    lines = [f"### Rehearsal of {stack}: {'came up' if content['succeeded'] else 'FAILED'}", ""]
    lines.append(
        f"{counts or 'nothing to change'}; {objects} Kubernetes objects on a real API server; AWS was simulated."
    )
    return "\n".join([*lines, "", _text(deliver.price_file(stack), "")])


def _text(file: Path, otherwise: str) -> str:
    return file.read_text() if file.exists() else otherwise


def _summarize(stack: str) -> None:
    """Adds the summary to that of the job; to the terminal where there is none. A stack that nobody bills has no price."""
    if "target: local" not in (deliver.ROOT / f"Pulumi.{stack}.yaml").read_text():
        with contextlib.suppress(deliver.DeliveryError):  # which says so in the file
            deliver.price(stack)
    text = summary(stack)
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        with Path(target).open("a") as file:
            file.write(text)
    sys.stdout.write(text)


def main() -> int:
    """Status 1 where it cannot be told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["comment", "summary"])
    parser.add_argument("stacks", nargs="+")
    given = parser.parse_args()
    try:
        if given.what == "summary":
            for stack in given.stacks:
                _summarize(stack)
            return 0
        headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
        with httpx.Client(base_url=os.environ["GITHUB_API_URL"], headers=headers, timeout=30) as github:
            comment(given.stacks, github, os.environ["GITHUB_REPOSITORY"], os.environ["PULL_REQUEST"])
    except KeyError as missing:
        print(f"{given.what}: there is no variable {missing}, which GitHub sets in a workflow")
        return 1
    except httpx.HTTPError as error:
        print(f"{given.what}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
