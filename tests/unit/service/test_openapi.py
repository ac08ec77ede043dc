"""The description of the interface: complete, with examples that work, on a page that fetches nothing."""

import json
import re
import subprocess
from typing import Any

import pytest

from esign.service.openapi import operations
from tests.support.service import ServiceForTest


@pytest.fixture
def document(here: ServiceForTest) -> dict[str, Any]:
    answer = here.client.get("/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_every_operation_says_what_it_is_and_how_it_is_refused(document: dict[str, Any]) -> None:
    found = list(operations(document))
    assert len(found) > 20
    for path, method, operation in found:
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        assert {"400", "405", "500", "503"} <= operation["responses"].keys(), where
        assert any(code.startswith("2") for code in operation["responses"]), where
        if "/agencies/" in path:
            assert operation["security"] == [{"accessKey": []}], where
            assert {"401", "403", "404"} <= operation["responses"].keys(), where
        for parameter in operation.get("parameters", ()):
            assert parameter["in"] != "path" or parameter["required"], where


def test_no_reference_leads_nowhere(document: dict[str, Any]) -> None:
    for found in set(re.findall(r'"#/([^"]+)"', json.dumps(document))):
        place: Any = document
        for step in found.split("/"):
            place = place[step]


def test_posts_that_create_name_the_key(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        creates = method == "post" and operation.get("requestBody") and "/results" in path and "{result}/" not in path
        if creates:
            assert "Idempotency-Key" in {p["name"] for p in operation["parameters"]}, path


def test_the_first_page_teaches_to_issue_and_fetches_nothing(here: ServiceForTest) -> None:
    for path in ("/", "/docs"):
        page = here.client.get(path)
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert not re.search(r"<script|<link|<img|src=|@import|url\(", page.text)
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]
    for path, _, _ in operations(here.app.openapi()):
        assert path in page.text


def test_the_command_on_the_first_page_issues_a_result(here: ServiceForTest) -> None:
    """From the page alone: what stands there is pasted into a shell, with the key that the operator gave."""
    import html

    page = html.unescape(here.client.get("/", headers={"Host": "evil.example"}).text)
    assert "evil.example" not in page
    command = page.split("export ESIGN_KEY=")[1].split("\n\ncurl")[0].partition("\n")[2]
    answer = subprocess.run(
        ["bash", "-c", f"export ESIGN_KEY={here.name}\n{command}"], capture_output=True, text=True, check=True
    )
    issued = json.loads(answer.stdout)
    assert issued["state"] == "issued", issued
    assert here.get(issued["links"]["document"]).content.startswith(b"%PDF")


def test_examples_of_bodies_are_taken(here: ServiceForTest, document: dict[str, Any]) -> None:
    tried = 0
    for path, method, operation in operations(document):
        example = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        if example is None or method != "post" or "/agencies/" not in path:
            continue
        result = here.issue()["id"] if "{result}" in path else ""
        url = path.replace("{agency}", str(here.agency)).replace("{result}", result)
        if "{" in url:
            continue
        answer = here.post(url, json=example)
        assert answer.json().get("code") != "request-invalid", (path, answer.text)
        tried += 1
    assert tried >= 4
