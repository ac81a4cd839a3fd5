"""Pages of documentation taken apart: their blocks of code, and what their source says about running them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
OUTPUT = "<!-- output -->"
FILE_NAME = re.compile(r"# ([\w./-]+\.\w+)$")


@dataclass(frozen=True)
class Block:
    """Code between two fences, with the comments directly above it."""

    page: str
    line: int
    language: str
    text: str
    comments: tuple[str, ...]

    @property
    def where(self) -> str:
        return f"{self.page}, line {self.line}"

    @property
    def reason(self) -> str | None:
        """Why it is not run, if it is not."""
        found = [match[1] for comment in self.comments if (match := NOT_RUN.fullmatch(comment))]
        return found[0] if found else None

    @property
    def is_output(self) -> bool:
        """What the block before prints."""
        return OUTPUT in self.comments

    @property
    def file(self) -> str | None:
        """The file that it is, if its first line names one: ``# suite.yaml``."""
        match = FILE_NAME.match(self.text.partition("\n")[0])
        return match[1] if match else None


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """All fenced blocks from top to bottom."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    comments: list[str] = []
    for number, line in lines:
        if line.startswith("```"):
            yield Block(name_of(page), number, line[3:].strip(), _until_fence(lines), tuple(comments))
        comments = [*comments, line] if line.startswith("<!--") else []


def _until_fence(lines: Iterator[tuple[int, str]]) -> str:
    inside = []
    for _, line in lines:
        if line == "```":
            break
        inside.append(line)
    return "".join(f"{line}\n" for line in inside)


def prose(page: Path) -> str:
    """The page without its blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """The command lines of a bash block: comments gone, continued lines joined."""
    joined = text.replace("\\\n", " ")
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines()]
    return [line for line in lines if line]
