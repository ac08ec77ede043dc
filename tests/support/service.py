"""A service over an office's parts, on a socket in this process, and a caller that knows how to ask it."""

import base64
import itertools
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from esign.codes import AgencyCode
from esign.errors import ServiceError
from esign.files import Folder
from esign.line import Line
from esign.pdf.templates import load
from esign.service.access import Principal, Role
from esign.service.app import create_app
from esign.service.desk import Desk
from esign.service.offices import Limits, Office, Parts
from esign.service.server import Listening, server
from esign.work import BatchSpool
from tests.support import office as offices
from tests.support.waiting import LONG

ALL = "all-roles"
_keys = itertools.count(1)


class Names:
    """Implements `Authenticator` for tests: the bearer token is a name, and a name has roles."""

    def __init__(self, **principals: Mapping[AgencyCode, frozenset[Role]]) -> None:
        self.principals = dict(principals)

    async def authenticate(self, request: HTTPConnection) -> Principal:
        name = request.headers.get("authorization", "").removeprefix("Bearer ")
        if name not in self.principals:
            raise ServiceError("not-authenticated")
        return Principal(name=f"key:{name}", roles=self.principals[name])


@dataclass(kw_only=True)
class ServiceForTest:
    """A service that answers in this process."""

    parts: Parts
    app: FastAPI
    client: httpx.Client
    agency: AgencyCode
    office: offices.Office
    name: str = ALL
    headers: dict[str, str] = field(default_factory=dict)

    def url(self, path: str) -> str:
        return f"/v1/agencies/{self.agency}/{path}"

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self._ask("GET", path, **given)

    def post(self, path: str, *, key: str | None = "", **given: Any) -> httpx.Response:
        """`key`: "" makes one, None sends none."""
        headers = dict(given.pop("headers", {}))
        if key is not None:
            headers["Idempotency-Key"] = key or f"test-{next(_keys)}"
        return self._ask("POST", path, headers=headers, **given)

    def issue(self, key: str = "", **changes: Any) -> dict[str, Any]:
        """A result that is issued."""
        answer = self.post("results", key=key, json=wanted(**changes))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.name}", **given.pop("headers", {})}
        return self.client.request(method, path if path.startswith("/") else self.url(path), headers=headers, **given)


def wanted(**changes: Any) -> dict[str, Any]:
    """What issues a result from a template's own sample."""
    asked = {
        "template": "quyet-dinh",
        "data": load("quyet-dinh").sample,
        "procedure": "1.012345",
        "symbol": "QĐ-UBND",
    }
    return {name: value for name, value in {**asked, **changes}.items() if value is not None}


def office_of(made: offices.Office, **changes: Any) -> Office:
    """The service's office over `made`."""
    return replace(
        Office(
            agency=made.agency,
            profile=made.profile.name,
            line=Line(made.issuer(delivery=None), alone=4),
            registry=made.registry,
            verifier=made.verifier(),
            seal_host=offices.HOST,
            batches=BatchSpool(Folder(made.folder / "spool")),
        ),
        **changes,
    )


@contextmanager
def service(
    made: offices.Office, *others: Office, limits: Limits | None = None, **changes: Any
) -> Iterator[ServiceForTest]:
    """A service of the office `made`, and of `others`."""
    own = office_of(made)
    desks = [
        Desk("issuing", threads=4, waiting=400),
        Desk("reading", threads=4, waiting=400),
        Desk("verifying", threads=1, waiting=16),
    ]
    everything = dict.fromkeys([own.code, *(o.code for o in others)], frozenset(Role))
    principals = {ALL: everything, **{role.value: {own.code: frozenset({role})} for role in Role}}
    given: dict[str, Any] = {
        "offices": {own.code: own, **{o.code: o for o in others}},
        "authenticator": Names(**principals),
        "now": made.clock,
        "issuing": desks[0],
        "reading": desks[1],
        "verifying": desks[2],
        "limits": limits or Limits(),
    }
    parts = Parts(**{**given, **changes})
    app = create_app(parts)
    try:
        with answering(app) as url, httpx.Client(base_url=url, timeout=LONG, verify=False) as client:
            yield ServiceForTest(parts=parts, app=app, client=client, agency=own.code, office=made)
    finally:
        for desk in desks:
            desk.close()
        for each in parts.offices.values():
            each.line.close()


@contextmanager
def answering(app: ASGIApp, **changes: Any) -> Iterator[str]:
    """The address at which `app` answers, on a socket of its own and in a thread of its own."""
    running = server(app, Listening(**{"port": 0, **changes}))
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.005)
        port = running.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that `answer` must be."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found: dict[str, Any] = json.loads(answer.text)
    assert (answer.status_code, found["code"]) == (status, code), answer.text
    assert found["status"] == status
    assert found["type"] == f"/problems/{code}"
    for language in ("vi", "en"):
        assert found[language]["what"]
        assert found[language]["next"]
    return found
