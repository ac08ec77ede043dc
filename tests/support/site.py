"""A sample of what a host publishes: trust list, shards, detail files, and a seal for every state of a verdict.

All keys are derived from small numbers and so known to everybody; names say that they are specimens.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from esign.codes import DocumentNumber, ProcedureCode, ResultId
from esign.keys import Mechanism, SigningKey
from esign.seal import Kid, MaskedHolder, SealClaims, SealKey, cose, labels, make
from esign.seal.digits import to_digits
from esign.seal.list_keys import AgencyRange, ListKey, Root, certify
from esign.seal.shard import SHARD_SIZE, Entry, ShardContent, make_shard
from esign.seal.signed_file import point_of
from esign.seal.status_details import (
    Corrected,
    Detail,
    OtherResult,
    Replaced,
    detail_uri,
    digest_of_file,
    make_details,
)
from esign.seal.status_list import StatusList
from esign.seal.status_manifest import PublishedShard, StatusManifest, make_manifest
from esign.seal.trust_list import Host, ListedAgency, ListedKey, Procedure, StatusKey
from esign.seal.trust_parts import sign_parts
from esign.softkey import SoftwareKey

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HOST = "q.gov.vn"
AGENCY = 258
KID = Kid(AGENCY, 3)
REVOKED = Kid(AGENCY, 4)
STATUS_KID = bytes.fromhex("01020100")
ORDINARY, SECOND, ALLOWED, MISSING = 0, 9, 10, 99
"""Shards: two ordinary ones, one that is an allow-list, one that is not published."""
COMMON, LAND, RECORD = ProcedureCode("1.012345"), ProcedureCode("1.012753"), ProcedureCode("2.000488")
STATES = (
    "in-force",
    "corrected",
    "replaced",
    "withdrawn",
    "suspended",
    "expired",
    "not-issued",
    "status-unknown",
    "key-doubtful",
    "check-clock",
    "unknown-key",
    "newer-version",
    "forged",
)
"""What the page can say of a seal."""
_YEAR = timedelta(days=365)
# RFC 6979 §A.2.5: the key of the vectors in tests/vectors/seal.
_SEAL_KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721


class Deterministic(SoftwareKey):
    """Signs as RFC 6979 describes, so that the same site has the same bytes."""

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        assert mechanism is Mechanism.ECDSA_P256_SHA256
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        return self._key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def key(what: str) -> SigningKey:
    """A key that belongs to the word `what`."""
    number = _SEAL_KEY if what == "seal" else int.from_bytes(sha256(f"specimen {what}".encode()).digest(), "big") >> 1
    return Deterministic.from_private_key(ec.derive_private_key(number, ec.SECP256R1()))


def point(what: str) -> bytes:
    return point_of(key(what).public_key)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A seal and what a reader should say of it at the site's time."""

    name: str
    url: str
    state: str
    note: str = ""


@dataclass(kw_only=True)
class Site:
    """The files of a host by path, and seals to try on them."""

    at: datetime
    host: str = HOST
    files: dict[str, bytes] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()

    @property
    def root(self) -> Root:
        return Root(name="vn", public_key=point("root"))

    @property
    def trust_files(self) -> list[bytes]:
        return [data for path, data in self.files.items() if path.startswith("/t/") and path.endswith(".cwt")]

    def get(self, uri: str) -> bytes | None:
        """What a reader gets from an address."""
        host, slash, path = uri.removeprefix("https://").partition("/")
        return self.files.get(slash + path) if host == self.host else None

    def write(self, folder: Path) -> None:
        """The site as files, with `samples.json` and `roots.json` beside it."""
        for path, data in self.files.items():
            target = folder / path.removeprefix("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        samples = [{"name": s.name, "url": s.url, "state": s.state, "note": s.note} for s in self.samples]
        about = {"at": self.at.isoformat(), "host": self.host, "samples": samples}
        (folder / "samples.json").write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", "utf-8")
        root = self.root
        roots = [
            {
                "name": root.name,
                "public_key": root.public_key.hex(),
                "first_agency": root.agencies.first,
                "last_agency": root.agencies.last,
            }
        ]
        (folder / "roots.json").write_text(json.dumps(roots, indent=1) + "\n", "utf-8")


def make_site(at: datetime = NOW, *, host: str = HOST, template: str = "") -> Site:
    """A site whose shards were signed a minute before `at`; `template` puts them elsewhere."""
    site = Site(at=at, host=host)
    site.files |= {f"/t/{name}": data for name, data in trust_files(at, host=host, template=template).items()}
    entries: dict[int, dict[int, Entry]] = {
        ORDINARY: {},
        SECOND: {1: Entry.WITHDRAWN, 2: Entry.SUSPENDED, 3: Entry.DETAIL, 4: Entry.DETAIL, 5: Entry.DETAIL},
        ALLOWED: {1: Entry.VALID},
    }
    other = OtherResult(DocumentNumber.parse("17/QĐ-UBND"), ResultId(b"other-one!"))
    second = OtherResult(DocumentNumber.parse("18/2026/QĐ-UBND"), ResultId(b"other-two!"))
    details: dict[int, Detail] = {3: Corrected((other, second)), 4: Replaced(other)}
    site.files |= status_files(entries, {SECOND: details}, at - timedelta(minutes=1), host=host)
    site.samples = _samples(at, host)
    return site


def trust_files(at: datetime, *, host: str = HOST, template: str = "", sequence: int = 7) -> Mapping[str, bytes]:
    """The parts of the sample's trust list by name."""
    name_vi, name_en = "Uỷ ban nhân dân phường Mẫu", "People's Committee of Mau Ward (specimen)"
    place = Host(
        name=host,
        template=template or f"https://{host}/s/{{n}}.cwt",
        status_keys=(
            StatusKey(kid=STATUS_KID, public_key=point("status"), not_before=at - _YEAR, not_after=at + _YEAR),
        ),
    )
    good = SealKey(
        kid=KID,
        public_key=key("seal").public_key,
        name_vi=name_vi,
        name_en=name_en,
        host=host,
        not_before=at - _YEAR,
        not_after=at + _YEAR,
        signers=(sha256(b"specimen signer").hexdigest(),),
    )
    revoked = replace(good, kid=REVOKED, public_key=key("revoked").public_key, revoked_after=at - timedelta(days=10))
    agency = ListedAgency(
        number=AGENCY,
        name_vi=name_vi,
        name_en=name_en,
        list_name="vn",
        keys=(ListedKey(key=good, host=place), ListedKey(key=revoked, host=place)),
    )
    procedures = [
        Procedure(
            code=COMMON, title_vi="Đăng ký thành lập hộ kinh doanh", title_en="Registration of a household business"
        ),
        Procedure(
            code=LAND,
            title_vi="Cấp giấy chứng nhận quyền sử dụng đất",
            title_en="Certificate of land use rights",
            allow_list=True,
        ),
        Procedure(
            code=RECORD, title_vi="Cấp phiếu lý lịch tư pháp", title_en="Criminal record certificate", sensitive=True
        ),
    ]
    list_key = ListKey(name="vn", public_key=point("list"), generation=1, agencies=AgencyRange())
    certificate = certify(
        list_key, issuer="vn", key=key("root"), issued_at=at - timedelta(days=30), expires=at + timedelta(days=60)
    )
    return sign_parts(
        agencies=[agency],
        procedures=procedures,
        name="vn",
        sequence=sequence,
        issued_at=at - timedelta(hours=1),
        expires=at + timedelta(days=30),
        key=key("list"),
        chain=[certificate],
    )


def status_files(
    entries: Mapping[int, Mapping[int, Entry]],
    details: Mapping[int, Mapping[int, Detail]],
    at: datetime,
    *,
    host: str = HOST,
    counter: int = 5,
) -> dict[str, bytes]:
    """Shards, detail files and the manifest of a host, signed at `at`, by path."""
    files: dict[str, bytes] = {}
    published = {}
    status_key = key("status")
    for number, values in entries.items():
        uri = f"https://{host}/s/{number}.cwt"
        digest = None
        if details.get(number):
            data = make_details(details[number], uri=uri, kid=STATUS_KID, key=status_key, at=at)
            digest = digest_of_file(data)
            files[_path(detail_uri(uri, digest))] = data
        default = Entry.DETAIL if number == ALLOWED else Entry.VALID
        content = ShardContent(
            counter=counter,
            allow_list=number == ALLOWED,
            details=digest,
            statuses=StatusList.pack(values, size=SHARD_SIZE, bits=2, default=default),
        )
        shard = make_shard(content, uri=uri, kid=STATUS_KID, key=status_key, at=at)
        files[_path(uri)] = shard
        published[number] = PublishedShard(counter=counter, issued_at=at, digest=digest_of_file(shard), size=len(shard))
    uri = f"https://{host}/s/manifest.cwt"
    manifest = StatusManifest(uri=uri, issued_at=at, shards=published)
    files[_path(uri)] = make_manifest(manifest, kid=STATUS_KID, key=status_key)
    return files


def _path(uri: str) -> str:
    return "/" + uri.split("/", 3)[3]


def claims(at: datetime, *, shard: int = SECOND, index: int = 0, **changes: object) -> SealClaims:
    """What a sample seal says."""
    fields: dict[str, object] = {
        "issued_at": at - timedelta(days=20),
        "result_id": ResultId(sha256(f"{shard} {index} {sorted(changes)}".encode()).digest()[:10]),
        "status_number": shard * SHARD_SIZE + index,
        "digest": sha256(b"a specimen file").digest()[:16],
        "procedure": COMMON,
        "number": DocumentNumber.parse("15/QĐ-UBND"),
        "holder": MaskedHolder("N.V.A***"),
    }
    return SealClaims(**{**fields, **changes})  # type: ignore[arg-type]  # by name


def _samples(at: datetime, host: str) -> tuple[Sample, ...]:
    def sample(
        name: str, state: str, *, kid: Kid = KID, signer: str = "seal", host: str = host, note: str = "", **c: object
    ) -> Sample:
        token = make(claims(at, **c), kid, key(signer))  # type: ignore[arg-type]
        return Sample(name=name, url=token.url(host), state=state, note=note)

    past = at - timedelta(days=1)
    in_force = sample("in-force", "in-force")
    digits = in_force.url.partition("#")[2]
    tampered = digits[:-1] + ("0" if digits[-1] != "0" else "1")
    return (
        in_force,
        sample("in-force-no-holder", "in-force", holder=None),
        sample("in-force-expires", "in-force", expires=at + timedelta(days=100)),
        sample("in-force-allow-list", "in-force", shard=ALLOWED, index=1, procedure=LAND),
        sample("in-force-sensitive", "in-force", procedure=RECORD, note="the title is not shown"),
        sample("in-force-undisclosed", "in-force", procedure=ProcedureCode.from_number(0), note="no title"),
        sample("in-force-untitled", "in-force", procedure=ProcedureCode("1.000001"), note="not in the table"),
        sample("withdrawn", "withdrawn", index=1),
        sample("suspended", "suspended", index=2),
        sample("corrected", "corrected", index=3, note="by 17/QĐ-UBND and 18/2026/QĐ-UBND"),
        sample("replaced", "replaced", index=4, note="by 17/QĐ-UBND"),
        sample("not-issued", "not-issued", index=5, note="entry 3 without a detail"),
        sample("not-issued-allow-list", "not-issued", shard=ALLOWED, index=2, procedure=LAND),
        sample("allow-list-broken", "not-issued", procedure=LAND, note="a land certificate in an ordinary shard"),
        sample("allow-list-broken-corrected", "not-issued", index=3, procedure=LAND, note="the same at entry 3"),
        sample("allow-list-broken-replaced", "replaced", index=4, procedure=LAND, note="the same at entry 4"),
        sample("allow-list-broken-withdrawn", "withdrawn", index=1, procedure=LAND, note="the same at entry 1"),
        sample("expired", "expired", expires=past),
        sample("expired-withdrawn", "withdrawn", index=1, expires=past),
        sample("status-unknown", "status-unknown", shard=MISSING, note="its shard is not published"),
        sample("key-doubtful", "key-doubtful", kid=REVOKED, signer="revoked"),
        sample("key-revoked", "not-genuine", kid=REVOKED, signer="revoked", issued_at=at - timedelta(days=9)),
        sample("unknown-key", "unknown-key", kid=Kid(999, 1), signer="unknown"),
        sample("forged", "not-genuine", signer="unknown", note="signed by a stranger"),
        Sample(
            name="tampered", url=f"https://{host}/1#{tampered}", state="not-genuine", note="the last digit is changed"
        ),
        Sample(name="newer-version", url=f"https://{host}/1#{_newer()}", state="newer-version", note="version 2"),
        sample("check-clock", "check-clock", issued_at=at + timedelta(days=1)),
        sample("wrong-host", "wrong-host", host="q-gov.example.com", note="a genuine seal on another site"),
        Sample(
            name="unreadable", url=f"https://{host}/1#{digits[:100]}", state="not-genuine", note="digits are missing"
        ),
    )


def _newer() -> str:
    """The digits of a seal of a version that nobody knows yet."""
    protected = cbor2.dumps({cose.ALG: cose.ES256, cose.KID: bytes(KID)})
    message = cose.Sign1(protected=protected, payload=cbor2.dumps({labels.SEAL: [2, "later"]}), signature=b"")
    signature = key("seal").sign(message.to_be_signed(), mechanism=Mechanism.ECDSA_P256_SHA256)
    return to_digits(replace(message, signature=cose.raw_signature(signature)).encoded())
