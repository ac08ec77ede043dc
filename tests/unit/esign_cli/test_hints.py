"""Commands that a text or a document tells a person to type are commands that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from esign.texts import catalogue
from esign_cli.app import build_whole

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = [ROOT / "README.md", *ROOT.glob("*/README.md"), *ROOT.glob("docs/guide/*.md"), *ROOT.glob("docs/adr/*.md")]
COMMAND = re.compile(r"`(?:[A-Z_]+=\S+ )*(esign(?: [^`]+)?)`")


def told() -> Iterator[tuple[str, str]]:
    """Each command in backquotes, with the place that names it."""
    for package in ("esign.texts", "esign_cli.texts"):
        for code, entry in catalogue(package).items():
            for texts in entry.values():
                yield from ((code, c) for text in texts.values() for c in COMMAND.findall(text))
    for document in DOCUMENTS:
        yield from ((document.name, c) for c in COMMAND.findall(document.read_text("utf-8")))


TREE = build_whole("en")


def names(command: Any) -> set[str]:
    return {o for p in command.get_params(typer.Context(command)) for o in (*p.opts, *p.secondary_opts)}


@pytest.mark.parametrize(("where", "typed"), sorted(set(told())))
def test_it_exists(where: str, typed: str) -> None:
    command, known, words = TREE, names(TREE), shlex.split(typed)[1:]
    for word in words:
        if word.startswith("-"):
            assert word.partition("=")[0] in known, f"{where}: {typed}"
        elif below := getattr(command, "commands", None):
            # A placeholder stands for any of the commands: `esign {command} --help`, `esign … | head`.
            if word.startswith("{") or word == "…":
                return
            # Nor is a file one: `esign bundle FILE` is `esign bundle make FILE`; another group would refuse it.
            assert word in below or word.isupper(), f"{where}: {typed}"
            _, command, _ = command.resolve_command(typer.Context(command), [word])
            known |= names(command)
        else:
            assert any(p.param_type_name == "argument" for p in command.params) or words[words.index(word) - 1] in known


def test_there_are_some() -> None:
    assert len(set(told())) > 30
