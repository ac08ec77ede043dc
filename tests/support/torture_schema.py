"""Whatever the OpenAPI document allows, and much that it does not: no 5xx, and each answer is as the document says.

`python -m tests.support.torture_schema [--cases 10000] [--seed N]` asks a real `esign serve`; the suite asks one some
hundred times. Where a random id would only ever be unknown, every second one is of something that is there.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.breaking import asked_for
from tests.support.deployment import AGENCY, Deployment
from tests.support.torture_keys import Figures

__all__ = ["ask_anything"]

_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def ask_anything(
    url: str, headers: Mapping[str, str], *, agency: str, known: Mapping[str, Sequence[str]], cases: int, seed: int
) -> Figures:
    """`cases` requests over all operations of the document at `url`; `known` are ids that are there, by parameter."""
    document = httpx.get(f"{url}/openapi.json", timeout=60).json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.base_url = url
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    statuses: Counter[str] = Counter()
    failures: list[str] = []
    for number, operation in enumerate(operations):
        count = cases // len(operations) + (number < cases % len(operations))
        failures += _ask(operation, dict(headers), {**known, "agency": [agency]}, count, seed + number, statuses)
    answered = ", ".join(f"{count}× {status}" for status, count in sorted(statuses.items()))
    reached = f"{sum(statuses.values())} cases, {len(operations)} operations; {answered}"
    return Figures(f"whatever the OpenAPI document allows (seed {seed})", reached, tuple(failures))


def _ask(  # each argument is one thing that the cases have in common
    operation: Any,
    headers: dict[str, str],
    known: Mapping[str, Sequence[str]],
    count: int,
    seed: int,
    statuses: Counter[str],
) -> list[str]:
    failures: dict[str, str] = {}
    chance = random.Random(seed)
    mode = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    session = requests.Session()
    session.auth = partial(_let_in, headers)  # set last, whatever the case makes of it

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode[0]) | operation.as_strategy(generation_mode=mode[1]))
    def ask(case: Any) -> None:
        for name, there in known.items():
            if name in (case.path_parameters or {}) and there and chance.random() < (0.9 if name == "agency" else 0.5):
                case.path_parameters[name] = chance.choice(there)
        given_headers = {}
        if chance.random() < 0.8:
            given_headers["Idempotency-Key"] = f"schema-{chance.getrandbits(64):x}"
        try:
            response = case.call(headers=given_headers, session=session, timeout=120)
        except Exception as e:  # whatever it is, a caller must not meet it
            failures.setdefault(type(e).__name__, f"{operation.label}: {e!r}"[:600])
            return
        statuses[f"{response.status_code} {_code(response)}".strip()] += 1
        try:
            case.validate_response(response, checks=_CHECKS, headers=given_headers)
        except FailureGroup as group:
            for failure in group.exceptions:
                told = f"{operation.label}: {response.status_code} {failure.title}: {failure.message[:300]}"
                failures.setdefault(f"{response.status_code} {failure.title}", told)

    with session:
        ask()
    return list(failures.values())


def _let_in(headers: Mapping[str, str], request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers.update(headers)
    return request


def _code(response: Any) -> str:
    if response.status_code < 400:
        return ""
    try:
        return str(response.json().get("code", "?"))
    except ValueError:
        return "?"


def main() -> None:
    """Against a real service."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=20261122)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="esign-schema-") as place:
        deployment = Deployment.make(Path(place) / "deployment")
        with deployment.running():
            url = deployment.serve().url
            known = {"result": issued(url, deployment.headers)}
            figures = ask_anything(
                url, deployment.headers(), agency=AGENCY, known=known, cases=arguments.cases, seed=arguments.seed
            )
    print(figures, *figures.failures, sep="\n", flush=True)
    sys.exit(bool(figures.failures))


def issued(url: str, headers: Any, count: int = 5) -> list[str]:
    """The ids of results that are there."""
    found = []
    for number in range(count):
        answer = httpx.post(
            f"{url}/v1/agencies/{AGENCY}/results",
            headers=headers(f"known-{number}"),
            json=asked_for(number),
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        found.append(answer.json()["id"])
    return found


if __name__ == "__main__":
    main()
