"""A slice of the campaign of mutations, and what its judge calls the same document."""

from pathlib import Path

import pytest

from esign.syntax import Dict, Ref
from tests.support.mutations import KINDS, Base, mutated, reachable
from tests.support.torture_mutations import Campaign, bases


@pytest.fixture(scope="module")
def signed() -> list[Base]:
    return list(bases())


def test_mutations_of_signed_files(tmp_path: Path) -> None:
    figures = Campaign(tmp_path, seed=7).run(200)
    assert not figures.failures, figures


def test_a_campaign_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = Campaign(tmp_path, seed=8)
    first.run(20)
    again = Campaign(tmp_path, seed=8)
    assert again.done == 20
    assert again.verdicts == first.verdicts
    again.run(30)
    assert sum(again.verdicts.values()) == again.done == 30


def test_the_same_seed_makes_the_same_file(signed: list[Base]) -> None:
    for i in range(50):
        assert mutated(signed, f"1:{i}") == mutated(signed, f"1:{i}")
    assert {mutated(signed, f"2:{i}")[0] for i in range(200)} == set(KINDS)


def test_bases_are_of_every_make(signed: list[Base]) -> None:
    assert len(signed) > 20
    assert {revision.kind.value for base in signed for revision in base.file.revisions} == {"table", "stream"}
    assert {len(base.states) for base in signed} >= {1, 2, 3}


def test_what_is_the_same_document(signed: list[Base]) -> None:
    base = next(b for b in signed if len(b.states) > 1)
    start, end = base.states[-1].gap
    assert base.is_a_state(base.pdf)
    assert base.is_a_state(base.pdf[: base.states[0].end])  # it was that before
    assert base.is_a_state(base.pdf + b"\n")
    assert base.is_a_state(base.pdf[:start] + base.pdf[start:end].swapcase() + base.pdf[end:])
    assert not base.is_a_state(base.pdf[: base.states[0].end - 30])
    assert not base.is_a_state(base.pdf + b"x")
    assert not base.is_a_state(base.pdf.replace(b"/Page", b"/page"))
    for at in (0, start - 1, end, len(base.pdf) - 9):
        assert not base.is_a_state(base.pdf[:at] + b"\x01" + base.pdf[at + 1 :])


def test_evidence_is_nothing_to_be_seen(signed: list[Base]) -> None:
    """To replace what /DSS holds is permitted, so no mutation of what is shown may do that alone."""
    base = next(b for b in signed if b.name == "ok-evidence-timestamp")
    view = base.file.latest
    store = view.entry(view.root, "DSS")
    assert isinstance(store, Dict)
    held = {ref.num for refs in store.values() if isinstance(refs, list) for ref in refs if isinstance(ref, Ref)}
    assert held
    assert not held & set(reachable(view))
