"""Write the vectors of status lists and trust lists, and the worked examples of docs/spec/status.md and trust-list.md.

    python -m tests.vectors.status.generate

Each file has a header (`kind:` shard, details, manifest or trust; `expect:` good or a code; `comment:`), a blank line,
and the bytes of one published file in hex. The keys are those of tests/support/site.py, which everybody knows; the time
is its NOW; who reads them has the sample's trust list and root. Signatures are made as RFC 6979 describes.
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import cbor2

from esign.codes import DocumentNumber, ResultId
from esign.keys import Mechanism
from esign.seal import cose, labels
from esign.seal.list_keys import AgencyRange, ListKey, Root, certify
from esign.seal.shard import SHARD_SIZE, ShardContent, make_shard
from esign.seal.signed_file import SignedFile, sign_file
from esign.seal.status_details import OtherResult, Replaced, make_details
from esign.seal.status_list import TYP, StatusList
from esign.seal.status_manifest import PublishedShard, StatusManifest, make_manifest
from tests.support.site import NOW, SECOND, STATUS_KID, key, make_site, point

HERE = Path(__file__).parent
SPECS = Path(__file__).parents[3] / "docs" / "spec"
BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"
SITE = make_site()
SHARD_PATH = f"/s/{SECOND}.cwt"
URI = f"https://{SITE.host}{SHARD_PATH}"
DETAIL_TYP = "application/vnd.esign.status-detail+cwt"
PART_TYP = "application/vnd.esign.trust+cwt"
DETAIL_PATH = next(p for p in SITE.files if p.startswith(f"/s/{SECOND}-"))
DAY = timedelta(days=1)


def shard_with(**changes: Any) -> bytes:
    """The sample's shard with other claims, well signed."""
    claims = dict(cbor2.loads(SignedFile.read(SITE.files[SHARD_PATH], typ=TYP, limit=1 << 16).payload))
    for name, value in changes.items():
        claims[getattr(labels, name)] = value
        if value is None:
            del claims[getattr(labels, name)]
    return sign_file(claims, typ=TYP, kid=STATUS_KID, key=key("status"))


def enveloped(*, protected: dict[Any, Any], unprotected: dict[Any, Any], tag: bytes = b"\xd2") -> bytes:
    """The sample's shard in another envelope, well signed."""
    payload = SignedFile.read(SITE.files[SHARD_PATH], typ=TYP, limit=1 << 16).payload
    message = cose.Sign1(protected=cbor2.dumps(protected), unprotected=unprotected, payload=payload, signature=b"")
    signed = key("status").sign(message.to_be_signed(), mechanism=Mechanism.ECDSA_P256_SHA256)
    whole = cose.Sign1(
        protected=message.protected, unprotected=unprotected, payload=payload, signature=cose.raw_signature(signed)
    )
    return tag + whole.encoded()


def shards() -> Iterator[tuple[str, str, str, bytes]]:
    """Name, expectation, comment, bytes."""
    good = SITE.files[SHARD_PATH]
    whole = StatusList.pack({1: 1}, size=SHARD_SIZE, bits=2)
    yield "shard", "good", "the sample's shard", good
    yield (
        "shard-other-order",
        "good",
        "lst and bits the other way round",
        shard_with(STATUS_LIST=dict(reversed(list(whole.claim.items())))),
    )
    yield "shard-signature", "seal-signature-invalid", "the last bit is changed", good[:-1] + bytes([good[-1] ^ 1])
    yield "shard-other-place", "status-list-invalid", "another shard in its place", SITE.files["/s/0.cwt"]
    yield "shard-untagged", "cose-tag-invalid", "without tag 18", good[1:]
    yield "shard-trailing", "seal-trailing-bytes", "a byte after its end", good + b"\0"
    yield (
        "shard-bomb",
        "status-list-too-long",
        "unpacks to twice as much",
        shard_with(STATUS_LIST=dict(StatusList.pack({}, size=2 * SHARD_SIZE, bits=2).claim)),
    )
    yield (
        "shard-short",
        "status-list-invalid",
        "unpacks to half as much",
        shard_with(STATUS_LIST=dict(StatusList.pack({}, size=SHARD_SIZE // 2, bits=2).claim)),
    )
    yield (
        "shard-one-bit",
        "status-list-invalid",
        "entries of one bit",
        shard_with(STATUS_LIST=dict(StatusList.pack({}, size=2 * SHARD_SIZE, bits=1).claim)),
    )
    packed = whole.claim["lst"]
    yield (
        "shard-zlib-trailing",
        "status-list-invalid",
        "a byte after the end of the stream",
        shard_with(STATUS_LIST={"lst": packed + b"\0", "bits": 2}),
    )
    yield (
        "shard-zlib-cut",
        "status-list-invalid",
        "the stream has no end",
        shard_with(STATUS_LIST={"lst": packed[:-4], "bits": 2}),
    )
    yield "shard-no-iat", "status-list-invalid", "without iat", shard_with(IAT=None)
    yield "shard-about", "status-list-invalid", "allow-list is 0 and not false", shard_with(SHARD=[5, 0, None])
    header = {1: -7, 4: STATUS_KID, 16: TYP}
    yield (
        "kid-unsigned",
        "cose-header-invalid",
        "the kid in the unprotected header",
        enveloped(protected={1: -7, 16: TYP}, unprotected={4: STATUS_KID}),
    )
    yield (
        "typ-other",
        "cose-header-invalid",
        "typ of another kind of file",
        enveloped(protected={**header, 16: DETAIL_TYP}, unprotected={}),
    )
    yield (
        "unsigned-more",
        "cose-header-invalid",
        "something in the unprotected header",
        enveloped(protected=header, unprotected={99: 1}),
    )
    yield (
        "chain-empty",
        "cose-header-invalid",
        "a chain without certificates",
        enveloped(protected={**header, labels.CHAIN: []}, unprotected={}),
    )
    yield (
        "chain-no-array",
        "cose-header-invalid",
        "a chain that is a string",
        enveloped(protected={**header, labels.CHAIN: b""}, unprotected={}),
    )
    content = ShardContent(counter=5, allow_list=False, details=None, statuses=whole)
    past = make_shard(content, uri=URI, kid=STATUS_KID, key=key("status"), at=NOW - 500 * DAY)
    yield "shard-before-key", "status-key-unknown", "signed before the key was good", past
    stranger = make_shard(content, uri=URI, kid=b"\1\2\1\1", key=key("status"), at=NOW)
    yield "shard-other-kid", "status-key-unknown", "a kid that the host does not have", stranger


def others() -> Iterator[tuple[str, str, str, str, bytes]]:
    """Kind, name, expectation, comment, bytes."""
    detail = SITE.files[DETAIL_PATH]
    yield "details", "details", "good", "the sample's detail file", detail
    yield (
        "details",
        "details-signature",
        "seal-signature-invalid",
        "the last bit is changed",
        detail[:-1] + bytes([detail[-1] ^ 1]),
    )
    other = make_details({4: Replaced(sample_other())}, uri=URI + "x", kid=STATUS_KID, key=key("status"), at=NOW)
    yield "details", "details-other-shard", "status-details-invalid", "of another shard", other
    for name, comment, entry in (
        ("empty", "corrected by nothing", [1]),
        ("kind", "a kind that does not exist", [3, ["17/QĐ-UBND", bytes(10)]]),
        ("number", "a number that prints otherwise", [2, ["5/QĐ-UBND", bytes(10)]]),
        ("id", "an id of nine bytes", [2, ["17/QĐ-UBND", bytes(9)]]),
    ):
        claims = {labels.SUB: URI, labels.IAT: int(NOW.timestamp()), labels.DETAILS: {3: entry}}
        data = sign_file(claims, typ=DETAIL_TYP, kid=STATUS_KID, key=key("status"))
        yield "details", f"details-{name}", "status-details-invalid", comment, data
    yield "manifest", "manifest", "good", "the sample's manifest", SITE.files["/s/manifest.cwt"]
    published = PublishedShard(counter=1, issued_at=NOW, digest=bytes(16), size=1)
    outside = StatusManifest(uri=URI, issued_at=NOW, shards={40_000: published})
    yield (
        "manifest",
        "manifest-outside",
        "status-manifest-invalid",
        "a shard that cannot exist",
        make_manifest(outside, kid=STATUS_KID, key=key("status")),
    )
    for path in sorted(p for p in SITE.files if p.startswith("/t/")):
        name = path.removeprefix("/t/").removesuffix(".cwt")
        yield "trust", f"trust-{name}", "good", f"{path} of the sample", SITE.files[path]
    yield from parts()


def parts() -> Iterator[tuple[str, str, str, str, bytes]]:
    """Parts of a trust list that are not to be believed."""
    list_key = ListKey(name="vn", public_key=point("list"), generation=1, agencies=AgencyRange())

    def certificate(subject: Root | ListKey = list_key, *, by: str = "root", until: timedelta = DAY) -> bytes:
        return certify(subject, issuer="vn", key=key(by), issued_at=NOW - 9 * DAY, expires=NOW + until)

    def part(body: list[Any], chain: list[bytes], *, by: str = "list", **changes: Any) -> bytes:
        seconds = int(NOW.timestamp())
        claims = {labels.ISS: "vn", labels.EXP: seconds + 86_400, labels.IAT: seconds}
        claims |= {labels.TRUST_PART: [1, 8, body]} | {getattr(labels, n): v for n, v in changes.items()}
        kid = hashlib.sha256(point(by)).digest()[:8]
        return sign_file(claims, typ=PART_TYP, kid=kid, key=key(by), chain=chain)

    titles: list[Any] = [2, 3954, {1_012_345: ["Đăng ký", "Registration", False, False]}]
    nobody: list[Any] = [1, 4, {}, {}]
    untrusted, invalid = "trust-list-untrusted", "trust-list-invalid"
    narrow = ListKey(name="vn", public_key=point("list"), generation=1, agencies=AgencyRange(0, 9))
    province = Root(name="vn", public_key=point("province"), agencies=AgencyRange(0, 9))
    agency: list[Any] = [1, 4, {258: ["Phường", "Ward", [], []]}, {}]
    for name, expect, comment, data in (
        ("titles", "good", "a part of procedures", part(titles, [certificate()])),
        ("nobody", "good", "a part without agencies", part(nobody, [certificate()])),
        ("no-chain", untrusted, "without certificates", part(titles, [])),
        ("stranger", untrusted, "certified by a stranger", part(titles, [certificate(by="stranger")])),
        ("over", untrusted, "the certificate is over", part(titles, [certificate(until=-DAY)])),
        ("other-key", untrusted, "signed by another key than the certified one", part(titles, [certificate()], by="b")),
        ("root-signs", untrusted, "a certificate of a root in the list key's place", part(
            titles, [certificate(Root(name="vn", public_key=point("list")))]
        )),
        ("wider", untrusted, "a root of few agencies certifies a list key for all", part(
            titles, [certificate(by="province"), certificate(province)]
        )),
        ("other-list", untrusted, "of a list with another name", part(titles, [certificate()], ISS="xx")),
        ("range", "trust-list-out-of-range", "an agency beyond the list key's range", part(
            agency, [certificate(narrow)]
        )),
        ("bucket", "trust-list-out-of-range", "an agency in another file's place", part(
            [1, 5, agency[2], {}], [certificate()]
        )),
        ("future", "trust-list-from-future", "signed tomorrow", part(
            titles, [certificate()], IAT=int((NOW + DAY).timestamp())
        )),
        ("host", invalid, "a key whose host the part does not describe", part(
            [1, 4, {258: ["Phường", "Ward", [], [[3, point("seal"), 0, 9, None, "q.gov.vn", False]]]}, {}],
            [certificate()],
        )),
        ("template", invalid, "an address without {n}", part(
            [1, 4, {258: ["P", "W", [], [[3, point("seal"), 0, 9, None, "q.gov.vn", False]]]},
             {"q.gov.vn": ["https://q.gov.vn/s", []]}],
            [certificate()],
        )),
        ("version", invalid, "version 2", part(titles, [certificate()], TRUST_PART=[2, 8, titles])),
        ("kind", invalid, "a kind that does not exist", part([7, 1, {}], [certificate()])),
    ):  # fmt: skip
        yield "trust", f"trust-{name}", expect, comment, data


def sample_other() -> OtherResult:
    """The result that replaces another in the sample."""
    return OtherResult(DocumentNumber.parse("17/QĐ-UBND"), ResultId(b"other-one!"))


def files() -> dict[str, str]:
    """Every vector by name."""
    all_ = [*(("shard", *entry) for entry in shards()), *others()]
    made = {}
    for kind, name, expect, comment, data in all_:
        digits = data.hex()
        lines = "\n".join(digits[i : i + 120] for i in range(0, len(digits), 120))
        made[f"{name}.txt"] = f"kind: {kind}\nexpect: {expect}\ncomment: {comment}\n\n{lines}\n"
    assert len(made) == len(all_)
    return made


# --- the worked examples --------------------------------------------------------------------------------------------


def status_example() -> str:
    """The sample's shard and detail file, taken apart."""
    shard, detail = SITE.files[SHARD_PATH], SITE.files[DETAIL_PATH]
    message = cose.decode(shard, form=cose.Form.COSE, limit=1 << 16)
    claims = cbor2.loads(message.payload)
    key_ = point("status")
    return f"""The keys are specimens that everybody knows (`tests/support/site.py`); the status key is the point

```
{_lines(key_)}
```

The shard `{URI}`, signed at {NOW - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}, with entry 1 = 1,
2 = 2, 3 = 4 = 5 = 3 and all others 0, has {len(shard)} bytes:

```
{_lines(shard)}
```

Its protected header is `{message.protected.hex()}`: alg −7, kid `{STATUS_KID.hex()}`, typ. Its claims, in their order:

| key | value |
|---|---|
{_claims(claims)}

Unpacked, the entries are `e4 0f` and 32,766 bytes `00`. Its detail file, {len(detail)} bytes, has the SHA-256
`{hashlib.sha256(detail).hexdigest()}`, hence its name `{DETAIL_PATH}`:

```
{_lines(detail)}
```

Entry 3 is corrected by 17/QĐ-UBND and 18/2026/QĐ-UBND, entry 4 is replaced by 17/QĐ-UBND, entry 5 was not issued.
"""


def trust_example() -> str:
    """The smallest part of the sample's trust list."""
    name, data = min(((p, d) for p, d in SITE.files.items() if p.startswith("/t/p")), key=lambda found: len(found[1]))
    file = SignedFile.read(data, typ=PART_TYP, limit=1 << 24)
    (certificate,) = file.chain
    inner = cose.decode(certificate, form=cose.Form.COSE, limit=1024)
    return f"""The root's key and the list key, specimens that everybody knows:

```
{_lines(point("root"))}

{_lines(point("list"))}
```

The part `{name}` has {len(data)} bytes:

```
{_lines(data)}
```

Its kid is `{file.kid.hex()}`, the chain one certificate of {len(certificate)} bytes, signed by the root
`{SignedFile.read(certificate, typ="application/vnd.esign.list-key+cwt", limit=1024).kid.hex()}`, with the claims

| key | value |
|---|---|
{_claims(cbor2.loads(inner.payload))}

and the claims of the part are

| key | value |
|---|---|
{_claims(cbor2.loads(file.payload))}
"""


def _claims(claims: dict[Any, Any]) -> str:
    return "\n".join(f"| {key_} | `{_shown(value)}` |" for key_, value in claims.items())


def _shown(value: object) -> str:
    match value:
        case bytes():
            return f"h'{value.hex()}'"
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case str():
            return f'"{value}"'
        case list():
            return f"[{', '.join(map(_shown, value))}]"
        case dict():
            return f"{{{', '.join(f'{_shown(k)}: {_shown(v)}' for k, v in value.items())}}}"
    return str(value)


def _lines(data: bytes) -> str:
    digits = data.hex()
    return "\n".join(digits[i : i + 96] for i in range(0, len(digits), 96))


def with_example(text: str, example: str) -> str:
    """A specification with what is generated in its place."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + example + END + rest.partition(END)[2]


EXAMPLES = {"status.md": status_example, "trust-list.md": trust_example}


def main() -> None:
    """Write everything."""
    for old in HERE.glob("*.txt"):
        old.unlink()
    for name, text in files().items():
        (HERE / name).write_text(text, "utf-8")
    for name, example in EXAMPLES.items():
        path = SPECS / name
        path.write_text(with_example(path.read_text("utf-8"), example()), "utf-8")


if __name__ == "__main__":
    main()
