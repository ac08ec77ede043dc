"""The command tree: help in two languages, imports that come late, and completion."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import esign_cli
from esign.texts import LANGUAGES, Language, catalogue
from esign_cli.app import build_whole
from esign_cli.exits import ExitCode
from esign_cli.language import known
from esign_cli.main import run

ESIGN = Path(sys.executable).with_name("esign")


def commands(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, tree
    for name, below in getattr(tree, "commands", {}).items():
        yield from commands(below, (*path, name))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_and_option_explains_itself(language: Language) -> None:
    texts = {e["what"][language] for e in catalogue("esign_cli.texts").values() if "what" in e}
    for path, command in commands(build_whole(language)):
        assert command.help in texts, path
        assert command.help.endswith("."), path
        assert "[" not in command.help, "rich would take it for markup"
        for param in command.get_params(typer.Context(command)):
            assert param.help in texts, (path, param.name)
            assert "[" not in param.help


def test_the_parser_looks_at_no_file() -> None:
    """One that cannot be read is told by whoever reads it, in the language of the reader, and the others are done."""
    declared = [
        found
        for file in Path(esign_cli.__file__).parent.rglob("*.py")
        for found in re.findall(r"Annotated\[\s*(?:list\[)?Path.*?\)\s*\]", file.read_text("utf-8"), re.DOTALL)
    ]
    assert len(declared) > 15
    assert not [d for d in declared if "readable=False" not in d]


def test_both_languages_have_the_same_commands() -> None:
    trees = [dict(commands(build_whole(language))) for language in LANGUAGES]
    assert trees[0].keys() == trees[1].keys()
    assert len(trees[0]) > 25


def test_what_a_clerk_needs_first_starts_quickly() -> None:
    """`--help` loads nothing heavy; the same holds for a call that is wrong."""
    script = (
        "import sys; from esign_cli.main import run\n"
        "assert run(sys.argv[1:]) in (0, 2)\n"
        "heavy = {'pyhanko', 'sqlalchemy', 'typst', 'pkcs11', 'pikepdf', 'cbor2', 'PIL', 'cryptography'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    for arguments in (["--help"], ["--version"], ["sign", "--help"], ["issue", "--nonsense"]):
        done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr)


def test_the_wiring_needs_no_terminal_library() -> None:
    script = (
        "import sys, esign_cli.wiring, esign_cli.config\n"
        "assert not {'typer', 'rich', 'click', 'tomlkit'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [[str(ESIGN)], [sys.executable, "-m", "esign_cli"]])
def test_the_installed_command(command: list[str]) -> None:
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("esign ")
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("esign ver", "verify"),
        ("esign result with", "withdraw"),
        ("esign issue --temp", "--template"),
        ("esign issue --template q", "quyet-dinh"),
        ("esign key generate x --kind p-2", "p-256"),
    ],
)
def test_the_tab_key(typed: str, offered: str) -> None:
    words = typed.split()
    environ = {**os.environ, "_ESIGN_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([str(ESIGN)], env=environ, capture_output=True, text=True, check=False)
    assert offered in done.stdout.split(), done


@pytest.mark.skipif(sys.platform == "win32", reason="bash")
def test_completion_is_shown_and_installed(tmp_path: Path) -> None:
    def in_bash(line: str) -> str:
        environ = {**os.environ, "HOME": str(tmp_path)}
        # A second command keeps bash from becoming the first: its name is how the shell is recognised.
        script = f"{ESIGN} {line}; exit $?"
        return subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=True).stdout

    assert "_ESIGN_COMPLETE=complete_bash" in in_bash("--show-completion")
    assert "bash completion installed" in in_bash("--install-completion")
    assert "esign" in (tmp_path / ".bashrc").read_text("utf-8")


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        ([], 2),
        (["nonsense"], 2),
        (["result", "withdraw"], 2),
        (["issue", "--ordinal", "0", "--pdf", "x"], 2),
        (["--lang", "fr", "--version"], 0),  # the version is answered before anything is looked at
        (["--config", "/nowhere/esign.toml", "result", "list"], 7),
        (["result", "list", "--config", "/nowhere/esign.toml"], 7),
        (["verify", "/nowhere.pdf"], 5),
    ],
)
def test_exit_codes(argv: list[str], code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(argv) == code


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (["singn"], "did you mean sign? See `esign --help`"),
        (["result", "witdraw"], "did you mean withdraw? See `esign result --help`"),
        (["sign", "--pin-fil", "x"], "did you mean --pin-file, --pin-fd? See `esign sign --help`"),
        (["frobnicate"], "see `esign --help`"),
        (["issue", "--colour", "red"], "see `esign issue --help`"),
    ],
)
def test_a_slip_of_the_finger_is_understood(capsys: pytest.CaptureFixture[str], typed: list[str], hint: str) -> None:
    assert run(["--lang", "en", *typed]) == ExitCode.USAGE
    assert f"esign: hint: {hint}" in capsys.readouterr().err


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_explained(code: ExitCode) -> None:
    assert known(f"exit-{code.name.lower()}")


def test_a_fault_of_the_program_ends_without_a_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(_language: Language) -> Any:
        raise RuntimeError("the PIN is 12345678")

    monkeypatch.setattr("esign_cli.app.build", faulty)
    assert run(["doctor"]) == 70
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "12345678" not in err
    assert "esign: error: an unexpected fault of the program (RuntimeError)" in err
    assert run(["doctor", "--debug"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be removed there")
def test_what_the_system_refuses_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(["doctor"]) == 6
    assert capsys.readouterr().err.startswith("esign: error: the system refused")
