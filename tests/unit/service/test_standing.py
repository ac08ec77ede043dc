"""Standing over HTTP: what holds, its changes, and codes with which a holder shows it."""

from datetime import timedelta

from tests.support.office import NOW
from tests.support.service import ServiceForTest, problem, wanted


def test_the_whole_life_of_a_result(here: ServiceForTest) -> None:
    issued, other = here.issue(), here.issue()
    path = f"results/{issued['id']}/standing"

    def change(standing: str, **more: str) -> str:
        here.office.clock.advance(timedelta(minutes=1))
        answer = here.post(path, json={"standing": standing, "why": "QĐ 21/QĐ-UBND", **more})
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["standing"]
        return found

    assert here.get(path).json()["standing"] == "in-force"
    assert change("suspended") == "suspended"
    assert change("in-force") == "in-force"
    assert change("corrected", other=other["id"]) == "corrected"
    assert change("replaced", other=other["id"], by="Phòng Tư pháp") == "replaced"
    now = here.get(path).json()
    assert now["replaced_by"] == other["id"]
    assert [h["standing"] for h in now["history"]] == ["suspended", "in-force", "corrected", "replaced"]
    assert [h["by"] for h in now["history"]] == ["key:all-roles"] * 3 + ["Phòng Tư pháp"]
    then = (NOW + timedelta(seconds=90)).isoformat()
    assert here.get(path, params={"at": then}).json()["standing"] == "suspended"
    problem(here.post(path, json={"standing": "withdrawn", "why": "x"}), 409, "standing-step")


def test_what_cannot_be_changed_says_why(here: ServiceForTest) -> None:
    issued = here.issue()
    path = f"results/{issued['id']}/standing"
    problem(here.post(path, json={"standing": "replaced", "why": "x"}), 409, "standing-other-missing")
    problem(here.post(path, json={"standing": "expired", "why": "x"}), 400, "request-invalid")
    problem(here.post(path, json={"standing": "withdrawn", "why": ""}), 400, "request-invalid")
    late = {"standing": "withdrawn", "why": "x", "at": (NOW + timedelta(days=1)).isoformat()}
    problem(here.post(path, json=late), 409, "standing-time")
    unknown = {"standing": "replaced", "why": "x", "other": "0123-4567-89AB-CDEF"}
    problem(here.post(path, json=unknown), 404, "not-registered")


def test_what_is_not_issued_is_taken_back_and_what_is_issued_is_not(here: ServiceForTest) -> None:
    later = here.post("results", json=wanted(), headers={"Prefer": "respond-async"}).json()
    path = f"results/{later['id']}/withdrawal"
    first = here.post(path, key="back", json={"why": "Người nộp rút hồ sơ"})
    assert (first.json()["state"], first.json()["void"]["code"]) == ("void", "taken-back")
    assert here.post(path, key="back", json={"why": "Người nộp rút hồ sơ"}).content == first.content
    problem(here.post(path, json={"why": "x"}), 409, "intent-state")
    issued = here.issue()
    problem(here.post(f"results/{issued['id']}/withdrawal", json={"why": "x"}), 409, "intent-state")


def test_a_holder_is_given_a_code(here: ServiceForTest) -> None:
    issued = here.issue()
    code = here.post(f"results/{issued['id']}/presentations", key=None).json()
    assert code["url"].endswith(f"/p#{code['digits']}")
    assert here.office.registry.redeem(code["digits"]).value
