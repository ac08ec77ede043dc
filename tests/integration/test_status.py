"""From a register to a reader: results are issued, stand otherwise, are published, and asked about offline."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from esign.document import Standing, StandingChange
from esign.lookup import Lookup, RateLimiter
from esign.pdf.links import seal_links
from esign.profile import IssuanceProfile
from esign.publishing import FolderStore, Publisher, RegisterSource, make_kit
from esign.registry import Intent
from esign.seal import UNDISCLOSED, Kid, SealToken, State, StatusFiles, TrustList, judge, make, verify
from esign.seal.signed_file import point_of
from esign.seal.trust_list import Host, ListedAgency, ListedKey, StatusKey
from tests.support.office import HOST, NOW, Office, request
from tests.support.site import STATUS_KID, key, point, trust_files

DAY = timedelta(days=1)


def trust_of(office: Office, *, allow_list: bool = False) -> TrustList:
    """A list that names the office's seal key and the sample's status key."""
    host = Host(
        name=HOST,
        template=f"https://{HOST}/s/{{n}}.cwt",
        status_keys=(
            StatusKey(kid=STATUS_KID, public_key=point("status"), not_before=NOW - DAY, not_after=NOW + 99 * DAY),
        ),
    )
    assert office.profile.seal is not None
    kid = Kid(office.profile.seal.agency_number, office.profile.seal.key_sequence)
    known = office.seal_keys().get(kid)
    assert known is not None
    listed = ListedKey(key=known, host=host, allow_list=allow_list)
    agency = ListedAgency(
        number=kid.agency, name_vi=known.name_vi, name_en=known.name_en, list_name="vn", keys=(listed,)
    )
    return TrustList(agencies={kid.agency: agency}, procedures={}, expires=NOW + 30 * DAY)


class Reader:
    """Publishes and asks, as two machines would."""

    def __init__(self, office: Office, folder: Path, *, allow_list: bool = False) -> None:
        self.office = office
        self.trust = trust_of(office, allow_list=allow_list)
        self.store = FolderStore(folder)
        (agency,) = self.trust.agencies.values()
        self.host = agency.keys[0].host
        self.publisher = Publisher(
            source=RegisterSource(office.registry),
            store=self.store,
            host=self.host,
            kid=STATUS_KID,
            key=key("status"),
            now=office.clock,
        )

    def get(self, uri: str) -> bytes | None:
        return self.store.get(uri.removeprefix(f"https://{HOST}/"))

    def state(self, pdf: bytes) -> State:
        (link,) = seal_links(pdf)
        files = StatusFiles(self.get, self.trust)
        return judge(verify(link.url, keys=self.trust, at=self.office.clock(), status=files), self.trust).state


def change(office: Office, intent: Intent, to: Standing, other: Intent | None = None) -> None:
    office.clock.advance(timedelta(minutes=1))
    decided = StandingChange(standing=to, at=office.clock(), by="x", why="y", other=other.id if other else None)
    office.registry.change(intent.id, decided)


def test_every_standing_reaches_a_reader(rsa_office: Path, tmp_path: Path) -> None:
    office = Office.copied(rsa_office, tmp_path / "office")
    reader, issuer = Reader(office, tmp_path / "site"), office.issuer()
    issued = [issuer.issue(request(f"{n}")) for n in range(5)]
    intents = [office.registry.get(i.id) for i in issued]
    assert reader.state(issued[0].pdf) is State.STATUS_UNKNOWN  # nothing is published yet
    reader.publisher.publish()
    assert {reader.state(i.pdf) for i in issued} == {State.IN_FORCE}
    change(office, intents[0], Standing.WITHDRAWN)
    change(office, intents[1], Standing.SUSPENDED)
    change(office, intents[2], Standing.CORRECTED, intents[4])
    change(office, intents[3], Standing.REPLACED, intents[4])
    assert {reader.state(i.pdf) for i in issued} == {State.IN_FORCE}  # not before it is published
    assert reader.publisher.publish().changed == (0,)
    assert [reader.state(i.pdf) for i in issued] == [
        State.WITHDRAWN,
        State.SUSPENDED,
        State.CORRECTED,
        State.REPLACED,
        State.IN_FORCE,
    ]
    change(office, intents[1], Standing.IN_FORCE)
    reader.publisher.publish()
    assert reader.state(issued[1].pdf) is State.IN_FORCE
    office.clock.advance(2 * DAY)
    assert reader.state(issued[0].pdf) is State.WITHDRAWN
    assert reader.publisher.publish().renewed == (0,)


def test_a_stolen_seal_key_alone_makes_no_valid_seal(rsa_office: Path, tmp_path: Path) -> None:
    """In allow-list mode: the thief's seals name free places, and those of a shard that is none."""
    office = Office.copied(rsa_office, tmp_path / "office")
    assert office.profile.seal is not None
    listed = replace(office.profile.seal, allow_list=True)
    ordinary = office.issuer().issue(request("ordinary"))  # opens shard 0, which is no allow-list
    office.profile = IssuanceProfile(name=office.profile.name, seal=listed)
    reader = Reader(office, tmp_path / "site", allow_list=True)
    issued = office.issuer().issue(request("land title"))
    assert [s.allow_list for s in office.registry.shards()] == [False, True]
    reader.publisher.publish()
    assert reader.state(issued.pdf) is State.IN_FORCE
    assert reader.state(ordinary.pdf) is State.NOT_ISSUED  # made by the key, in a shard that proves nothing

    (link,) = seal_links(issued.pdf)
    token = SealToken.from_url(link.url)
    for number in (1 << 17 | 5, 5, 3 << 17):
        if number == token.claims.status_number:
            continue
        stolen = make(replace(token.claims, status_number=number), token.kid, office.seal_key)
        files = StatusFiles(reader.get, reader.trust)
        verdict = judge(verify(stolen, keys=reader.trust, at=office.clock(), status=files), reader.trust)
        assert verdict.state in {State.NOT_ISSUED, State.STATUS_UNKNOWN}


def test_the_kind_of_result_can_stay_out_of_the_seal(rsa_office: Path, tmp_path: Path) -> None:
    office = Office.copied(rsa_office, tmp_path / "office")
    assert office.profile.seal is not None
    quiet = replace(office.profile.seal, with_procedure=False)
    office.profile = IssuanceProfile(name="quiet", seal=quiet)
    issued = office.issuer().issue(request("criminal record"))
    (link,) = seal_links(issued.pdf)
    assert SealToken.from_url(link.url).claims.procedure == UNDISCLOSED
    assert office.verifier().verify(issued.pdf).signatures


def test_a_holder_shows_a_result_once(rsa_office: Path, tmp_path: Path) -> None:
    office = Office.copied(rsa_office, tmp_path / "office")
    issuer = office.issuer()
    issued = issuer.issue(request("1"))
    shown = issuer.present(issued.id)
    lookup = Lookup(office.registry, now=office.clock, limiter=RateLimiter(rate=6, burst=10), redeemer=office.registry)
    found = lookup.by_presentation(shown.digits, client="x")
    assert (found.entry.id, found.entry.number) == (issued.id, office.registry.get(issued.id).number)


def test_a_kit_holds_all_that_is_published(rsa_office: Path, tmp_path: Path) -> None:
    office = Office.copied(rsa_office, tmp_path / "office")
    reader = Reader(office, tmp_path / "site")
    issued = [office.issuer().issue(request(f"{n}")) for n in range(2)]
    first, second = (office.registry.get(i.id) for i in issued)
    change(office, first, Standing.REPLACED, second)
    reader.publisher.publish()
    kit = make_kit(
        host=reader.host,
        trust=reader.trust,
        trust_files=trust_files(NOW),
        roots=(),
        get=reader.get,
        at=office.clock(),
    )
    assert (kit.shards, kit.oldest) == (1, office.clock().replace(microsecond=0))
    names = [p.name for p in (tmp_path / "site/s").iterdir() if p.name != "manifest.cwt"]
    assert len(names) == 2
    assert all(f"https://{HOST}/s/{name}" in kit.html for name in names)
    assert f"https://{HOST}/t/a4.cwt" in kit.html
    assert point_of(key("status").public_key)
