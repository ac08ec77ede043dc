"""Issue, find and fetch over HTTP."""

import hashlib

from tests.support.service import ServiceForTest, wanted


def test_a_result_is_issued_and_fetched(here: ServiceForTest) -> None:
    answer = here.post("results", key="portal-1", json=wanted(dossier="H26.18.01-261120-0001"))
    assert answer.status_code == 201, answer.text
    issued = answer.json()
    assert answer.headers["location"] == issued["links"]["self"]
    assert answer.headers["cache-control"] == "no-store"
    assert issued["state"] == "issued"
    assert issued["number"] == "01/QĐ-UBND"
    assert issued["result_code"] == "H26.18.01-261120-0001-KQ1"
    document = here.get(issued["links"]["document"])
    assert document.headers["content-type"] == "application/pdf"
    assert hashlib.sha256(document.content).hexdigest() == issued["file"]["sha256"]
    assert document.headers["etag"] == f'"{issued["file"]["sha256"]}"'
    again = here.get(issued["links"]["document"], headers={"If-None-Match": document.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    details = here.get(issued["links"]["self"]).json()
    assert details["standing"] == "in-force"
    assert details["versions"][0]["sha256"] == issued["file"]["sha256"]
