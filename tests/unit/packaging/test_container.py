"""The Dockerfile, instruction by instruction: Docker itself is not asked."""

import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.packaging.commands import understood

ROOT = Path(__file__).parents[3]
KNOWN = {
    "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK",
    "LABEL", "RUN", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions with their arguments, comments and line continuations undone."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, rest = line.partition(" ")
        yield name, rest.strip()


DOCKERFILE = list(instructions((ROOT / "Dockerfile").read_text("utf-8")))


def stages() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name, rest in DOCKERFILE:
        if name == "FROM":
            found[rest.split(" AS ")[1]] = []
        elif found:
            found[list(found)[-1]].append((name, rest))
    return found


def of(stage: str, name: str) -> list[str]:
    return [rest for found, rest in stages()[stage] if found == name]


def test_instructions_are_known() -> None:
    assert {name for name, _ in DOCKERFILE} <= KNOWN


def test_what_is_built_is_the_last_stage_and_nothing_of_the_build_stays() -> None:
    bases = {rest.split(" AS ")[1]: rest.split(" AS ")[0] for name, rest in DOCKERFILE if name == "FROM"}
    assert bases == {"build": "${BASE}", "runtime": "${BASE}", "softhsm": "runtime", "esign": "runtime"}
    assert list(bases)[-1] == "esign"
    assert DOCKERFILE[0] == ("ARG", "BASE=python:3.11-slim-bookworm")
    assert of("runtime", "COPY") == ["--from=build /opt/esign /opt/esign"]
    assert not any("gcc" in run or "curl" in run for run in of("runtime", "RUN"))


@pytest.mark.parametrize("stage", ["runtime", "softhsm"])
def test_the_last_user_is_nobody_in_particular(stage: str) -> None:
    uid, _, gid = of(stage, "USER")[-1].partition(":")
    assert (uid + gid).isdecimal(), "Kubernetes' runAsNonRoot wants a number"
    assert int(uid) >= 10_000
    assert int(gid) >= 10_000


def test_it_is_started_in_exec_form_with_a_command_that_exists() -> None:
    (entry,), (command,) = of("runtime", "ENTRYPOINT"), of("runtime", "CMD")
    assert json.loads(entry) == ["esign"]
    assert understood(json.loads(command)) == ["esign", "serve"]
    assert of("runtime", "STOPSIGNAL") == ["SIGTERM"]


def test_health_is_asked_at_livez() -> None:
    (check,) = of("runtime", "HEALTHCHECK")
    options, _, command = check.partition("CMD ")
    assert {"--interval", "--timeout", "--start-period", "--retries"} == {o.partition("=")[0] for o in options.split()}
    program, flag, script = json.loads(command)
    assert (program, flag) == ("python", "-c")
    compile(script, "HEALTHCHECK", "exec")
    port = json.loads(of("runtime", "CMD")[0])[-1]
    assert f"http://127.0.0.1:{port}/livez" in script


def test_no_secret_and_no_module_is_in_the_image() -> None:
    text = " ".join(rest for _, rest in DOCKERFILE).lower()
    assert "password" not in text
    assert not re.search(r"\bpin\b|\.so\b|esign_pin", text)
    # Locked and hashed, wheels alone: what is installed is what the tests ran with.
    installs = [run for run in shlex.split(of("build", "RUN")[0]) if run.startswith("--require-hashes")]
    assert len(installs) == 2
    assert "--only-binary" in of("build", "RUN")[0]


def test_labels_say_what_it_is() -> None:
    (label,) = of("runtime", "LABEL")
    labels = dict(part.split("=", 1) for part in shlex.split(label))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert {
        f"org.opencontainers.image.{key}" for key in ("title", "description", "licenses", "version", "revision")
    } <= set(labels)
    assert f"VERSION={version}" in of("runtime", "ARG")
    assert labels["org.opencontainers.image.licenses"] == "MIT"


def test_what_is_copied_is_there_and_is_not_ignored() -> None:
    copied = {part for rest in of("build", "COPY") for part in rest.split()[:-1]}
    assert all((ROOT / part).exists() for part in copied)
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines, "what is not named is left out: a working folder's keys, history, tests"
    assert copied == allowed


def test_the_image_installs_what_the_tests_ran_with() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / name).read_text("utf-8")
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))

    tested, image, build = pins("dev.txt"), pins("service.txt"), pins("build.txt")
    assert image.items() <= tested.items()
    assert build.items() <= tested.items()
    assert {"fastapi", "uvicorn", "psycopg", "obstore", "typer"} <= set(image)
    assert not {"pytest", "mypy", "pyhanko", "hatchling"} & set(image)


def test_the_shell_takes_every_run_line() -> None:
    for stage in stages():
        for run in of(stage, "RUN"):
            subprocess.run(["sh", "-n", "-c", run], check=True)
