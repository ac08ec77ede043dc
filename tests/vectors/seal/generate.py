"""Write the seal's vectors and the worked example of docs/spec/seal.md; what stands there is never edited by hand.

    python -m tests.vectors.seal.generate

Each file has a header (`expect:`, `comment:`, and for some `at:` and `host:`), a blank line, and a token in hex, its
digits, or a URL. `expect:` is `genuine`, or the code of the first finding. Everything is deterministic: the key is
that of RFC 6979 §A.2.5, which everybody knows, and signatures are made as RFC 6979 describes.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from esign.codes import DocumentNumber, ProcedureCode, ResultId
from esign.seal import (
    Kid,
    MaskedHolder,
    SealClaims,
    SealKey,
    SealKeys,
    SealToken,
    Symbol,
    assemble,
    digest_of,
    salted,
    to_be_signed,
)
from esign.seal.cose import raw_signature
from esign.seal.digits import to_digits

HERE = Path(__file__).parent
SPEC = Path(__file__).parents[3] / "docs" / "spec" / "seal.md"
BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"
HOST = "q.gov.vn"
AT = datetime(2026, 11, 21, 4, tzinfo=UTC)

KEY = ec.derive_private_key(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1())
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

GOOD = SealKey(
    kid=Kid(258, 3),
    public_key=PUBLIC_KEY,
    name_vi="Uỷ ban nhân dân phường Cửa Nam",
    name_en="People's Committee of Cua Nam Ward",
    host=HOST,
    not_before=datetime(2026, 1, 1, tzinfo=UTC),
    not_after=datetime(2028, 12, 31, 17, tzinfo=UTC),
    signers=(hashlib.sha256(b"the agency's signing key").hexdigest(),),
)
NOT_YET = replace(GOOD, kid=Kid(258, 4), not_before=datetime(2027, 1, 1, tzinfo=UTC))
PAST = replace(GOOD, kid=Kid(258, 1), not_after=datetime(2026, 6, 30, tzinfo=UTC))
STOLEN = replace(GOOD, kid=Kid(258, 2), revoked_after=datetime(2026, 10, 1, tzinfo=UTC))
KEYS = SealKeys([GOOD, NOT_YET, PAST, STOLEN])

SALT = bytes(range(16))
BEFORE = salted(b"%PDF-1.7\n(what was there before the seal)\n%%EOF\n", SALT)
CLAIMS = SealClaims(
    issued_at=datetime(2026, 11, 21, 3, 32, 58, tzinfo=UTC),
    result_id=ResultId.parse("ABCD-EFGH-JKMN-PQRS"),
    status_number=1_234_567,
    digest=digest_of(BEFORE),
    procedure=ProcedureCode("1.012345"),
    number=DocumentNumber.parse("1234/QĐ-UBND"),
    holder=MaskedHolder.of("Nguyễn Văn A"),
)


@dataclass(frozen=True)
class Vector:
    """One file."""

    name: str
    expect: str
    comment: str
    body: str
    at: datetime = AT
    host: str = ""

    def text(self) -> str:
        """The whole file."""
        header = [f"expect: {self.expect}", f"comment: {self.comment}", f"at: {self.at:%Y-%m-%dT%H:%M:%SZ}"]
        if self.host:
            header.append(f"host: {self.host}")
        return "\n".join([*header, "", *(self.body[i : i + 96] for i in range(0, len(self.body), 96)), ""])


def sign(data: bytes) -> bytes:
    """r‖s of `data`, deterministic (RFC 6979)."""
    return raw_signature(KEY.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))


def token(claims: SealClaims = CLAIMS, kid: Kid = GOOD.kid) -> SealToken:
    """A good token."""
    return assemble(claims, kid, sign(to_be_signed(claims, kid)))


PROTECTED = bytes.fromhex("a201260444") + bytes(GOOD.kid)
PAYLOAD: bytes = cbor2.loads(bytes(token()))[2]
ARRAY: list[Any] = cbor2.loads(PAYLOAD)[-65537]
IAT = int(CLAIMS.issued_at.timestamp())
CTI = CLAIMS.result_id.value


def message(*, protected: bytes = PROTECTED, unprotected: Any = None, payload: bytes = PAYLOAD) -> bytes:
    """A well-signed message whose parts may be wrong, so that nothing but the part is at fault."""
    signature = sign(cbor2.dumps(["Signature1", protected, b"", payload]))
    return cbor2.dumps([protected, unprotected or {}, payload, signature])


def payload(*, claims: dict[Any, Any] | None = None, array: list[Any] | None = None) -> bytes:
    """A message with other claims, or another array among the right claims."""
    if claims is None:
        claims = {6: IAT, 7: CTI, -65537: ARRAY if array is None else array}
    return message(payload=cbor2.dumps(claims))


def changed(index: int, value: Any) -> bytes:
    """A message whose array has another value at `index`."""
    return payload(array=[*ARRAY[:index], value, *ARRAY[index + 1 :]])


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from genuine()
    yield from told_apart()
    for name, expect, comment, data in malformed():
        yield Vector(name, expect, comment, data.hex())
    for name, expect, comment, text in misspelled():
        yield Vector(name, expect, comment, text)


def genuine() -> Iterator[Vector]:
    """Seals to accept."""
    year = datetime(2027, 11, 21, tzinfo=UTC)
    for name, comment, claims in (
        ("ok", "the worked example", CLAIMS),
        ("ok-no-holder", "an organisation: the array has five elements", replace(CLAIMS, holder=None)),
        ("ok-expires", "a result that expires, the second before", replace(CLAIMS, expires=year)),
        ("ok-status-0", "deterministic CBOR: the status number has one byte", replace(CLAIMS, status_number=0)),
        ("ok-status-max", "the last status number", replace(CLAIMS, status_number=2**32 - 1)),
        (
            "ok-long-number",
            "a number with a year and a long symbol",
            replace(CLAIMS, number=DocumentNumber.parse("12345/2026/QĐ-CTUBND-BĐKTNN&PTNT")),
        ),
        ("ok-procedure-1", "the smallest procedure number", replace(CLAIMS, procedure=ProcedureCode("0.000001"))),
        ("ok-holder-one", "a single name", replace(CLAIMS, holder=MaskedHolder.of("Đức"))),
    ):
        at = datetime(2027, 11, 20, 23, 59, 59, tzinfo=UTC) if claims.expires else AT
        yield Vector(name, "genuine", comment, bytes(token(claims)).hex(), at=at)
    yield Vector("ok-digits", "genuine", "the worked example as digits", token().digits)
    yield Vector("ok-url", "genuine", "the worked example as the symbol holds it", token().url(HOST))
    high = bytes(token())
    s = ORDER - int.from_bytes(high[-32:], "big")
    yield Vector(
        "ok-other-s",
        "genuine",
        "n - s signs the same (ECDSA): tokens are told apart by cti, never by their bytes",
        (high[:-32] + s.to_bytes(32, "big")).hex(),
    )
    yield Vector("ok-clock-skew", "genuine", "made 5 minutes after the verifier's time", bytes(token()).hex(),
                 at=datetime(2026, 11, 21, 3, 27, 58, tzinfo=UTC))  # fmt: skip


def told_apart() -> Iterator[Vector]:
    """Well-formed seals that are not simply genuine."""
    good = bytes(token())
    stolen = replace(CLAIMS, issued_at=datetime(2026, 9, 1, tzinfo=UTC))
    end = datetime(2026, 11, 21, 4, tzinfo=UTC)
    for name, expect, comment, made in (
        ("unknown-key", "unknown-seal-key", "no such kid; indeterminate", token(kid=Kid(999, 1))),
        ("key-not-yet", "seal-key-not-yet-valid", "issued before the key's time", token(kid=NOT_YET.kid)),
        ("key-expired", "seal-key-expired", "issued after the key's time", token(kid=PAST.kid)),
        ("key-revoked", "seal-key-revoked", "issued after the key was revoked", token(kid=STOLEN.kid)),
        (
            "key-revoked-since",
            "seal-key-revoked-since",
            "says that it was issued before: a thief can say so too; indeterminate",
            token(stolen, STOLEN.kid),
        ),
        ("expired", "seal-expired", "at exp it is over (RFC 8392 section 3.1.4)", token(replace(CLAIMS, expires=end))),
    ):
        yield Vector(name, expect, comment, bytes(made).hex())
    early = datetime(2026, 11, 21, 3, 27, 57, tzinfo=UTC)
    yield Vector("from-future", "seal-from-future", "more than 5 minutes ahead", good.hex(), at=early)
    yield Vector("host-other", "seal-host-unexpected", "another host", token().url("q-gov.vn.example.com"))
    yield Vector("host-given", "seal-host-unexpected", "found elsewhere", good.hex(), host="example.com")
    forged = replace(CLAIMS, number=DocumentNumber.parse("1235/QĐ-UBND"))
    other = SealToken(claims=forged, kid=GOOD.kid, signature=token().signature)
    yield Vector("forged-number", "seal-signature-invalid", "the signature is for 1234", bytes(other).hex())
    for name, raw in (("r-zero", bytes(32) + good[-32:]), ("s-order", good[-64:-32] + ORDER.to_bytes(32, "big"))):
        yield Vector(f"signature-{name}", "seal-signature-invalid", "out of range", (good[:-64] + raw).hex())
    yield Vector("signature-flipped", "seal-signature-invalid", "the last bit",
                 (good[:-1] + bytes([good[-1] ^ 1])).hex())  # fmt: skip


def malformed() -> Iterator[tuple[str, str, str, bytes]]:
    """Well-signed wherever that is possible: only the form is wrong."""
    good = bytes(token())
    invalid, structure, header, claim = (
        "seal-cbor-invalid",
        "cose-structure-invalid",
        "cose-header-invalid",
        "seal-claim-invalid",
    )
    deterministic = "seal-cbor-not-deterministic"
    yield "empty", invalid, "nothing", b""
    yield "truncated", invalid, "the last byte is missing", good[:-1]
    yield "trailing", "seal-trailing-bytes", "a byte too many", good + b"\0"
    yield "too-long", "seal-too-long", "401 bytes", good + bytes(401 - len(good))
    yield "tagged", invalid, "tag 18 (COSE_Sign1) stands before it", b"\xd2" + good
    yield "cwt-tagged", invalid, "tags 61 and 18 stand before it", b"\xd8\x3d\xd2" + good
    yield "indefinite", invalid, "an array of indefinite length", b"\x9f" + good[1:] + b"\xff"
    yield "array-five", structure, "a fifth element", b"\x85" + good[1:] + b"\0"
    yield "array-three", structure, "no signature", b"\x83" + good[1:-66]
    yield "map", structure, "not an array", b"\xa0"
    yield "head-long", deterministic, "the array's length in two bytes", b"\x98\x04" + good[1:]
    yield "payload-null", structure, "a detached payload", good[:12].replace(b"\xa0", b"\xa0\xf6") + good[-66:]
    yield "signature-63", "seal-signature-form", "a byte is missing", good[:-66] + b"\x58\x3f" + good[-63:]
    der = KEY.sign(to_be_signed(CLAIMS, GOOD.kid), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    yield "signature-der", "seal-signature-form", "DER", good[:-66] + cbor2.dumps(der)

    kid = bytes(GOOD.kid)
    for name, comment, protected, unprotected in (
        ("kid-unprotected", "kid in the unprotected header", {1: -7}, {4: kid}),
        ("kid-twice", "kid in both headers", {1: -7, 4: kid}, {4: kid}),
        ("alg-unprotected", "alg in the unprotected header", {4: kid}, {1: -7}),
        ("alg-missing", "no alg", {4: kid}, {}),
        ("alg-esp256", "ESP256 (RFC 9864) is not used in version 1", {1: -9, 4: kid}, {}),
        ("alg-es384", "ES384", {1: -35, 4: kid}, {}),
        ("alg-text", "alg as text", {1: "ES256", 4: kid}, {}),
        ("kid-missing", "no kid", {1: -7}, {}),
        ("kid-long", "eight bytes", {1: -7, 4: kid + kid}, {}),
        ("kid-number", "not bytes", {1: -7, 4: 3}, {}),
        ("crit", "a critical parameter", {1: -7, 2: [4], 4: kid}, {}),
        ("header-more", "another parameter", {1: -7, 4: kid, 5: b"iv"}, {}),
        ("unprotected-more", "something unprotected", {1: -7, 4: kid}, {-1: 0}),
    ):
        yield name, header, comment, message(protected=cbor2.dumps(protected), unprotected=unprotected)
    yield "header-empty", header, "a zero-length protected header", message(protected=b"")
    yield "header-array", header, "not a map", message(protected=b"\x80")
    swapped = bytes.fromhex("a20444") + kid + bytes.fromhex("0126")
    yield "header-order", deterministic, "kid before alg", message(protected=swapped)
    yield "header-trailing", "seal-trailing-bytes", "a byte too many", message(protected=PROTECTED + b"\0")

    rest = {7: CTI, -65537: ARRAY}
    yield "payload-trailing", "seal-trailing-bytes", "a byte too many", message(payload=PAYLOAD + b"\0")
    yield "claims-order", deterministic, "cti before iat", payload(claims={7: CTI, 6: IAT, -65537: ARRAY})
    twice = b"\xa4" + PAYLOAD[1:7] + PAYLOAD[1:]
    yield "claims-twice", invalid, "iat twice", message(payload=twice)
    yield "claims-array", claim, "not a map", message(payload=b"\x80")
    yield "claims-more", claim, "iss is not used in version 1", payload(claims={1: "x", 6: IAT, **rest})
    yield "claims-text", claim, "a text key", payload(claims={6: IAT, **rest, "": 0})
    yield "iat-missing", claim, "no iat", payload(claims=rest)
    yield "cti-missing", claim, "no cti", payload(claims={6: IAT, -65537: ARRAY})
    yield "seal-missing", claim, "a CWT, not a seal", payload(claims={6: IAT, 7: CTI})
    yield "iat-text", claim, "text", payload(claims={6: "now", **rest})
    yield "iat-float", invalid, "floating point", payload(claims={6: float(IAT), **rest})
    yield "iat-u64", claim, "after 2106", payload(claims={6: 2**32, **rest})
    yield "iat-negative", claim, "before 1970", payload(claims={6: -1, **rest})
    yield "exp-first", claim, "exp is not after iat", payload(claims={4: IAT, 6: IAT, **rest})
    yield "cti-short", claim, "nine bytes", payload(claims={6: IAT, 7: CTI[:9], -65537: ARRAY})
    yield "cti-text", claim, "text", payload(claims={6: IAT, 7: "ABCDEFGHJK", -65537: ARRAY})

    yield (
        "version-2",
        "seal-version-unknown",
        "newer: indeterminate, whatever else is in it",
        payload(claims={1: "x", 6: IAT, 7: CTI, -65537: [2, {1: 2}]}),
    )
    yield "version-0", claim, "no such version", changed(0, 0)
    yield "version-true", claim, "true is not 1", changed(0, True)
    yield "array-short", claim, "four elements", payload(array=ARRAY[:4])
    yield "array-long", claim, "seven elements", payload(array=[*ARRAY, 0])
    yield (
        "status-long",
        deterministic,
        "the status number in eight bytes",
        message(payload=PAYLOAD.replace(bytes.fromhex("1a0012d687"), bytes.fromhex("1b000000000012d687"))),
    )
    yield "status-u64", claim, "larger than u32", changed(1, 2**32)
    yield "status-negative", claim, "negative", changed(1, -1)
    yield "status-true", claim, "true is not a number", changed(1, True)
    yield "digest-32", claim, "a whole SHA-256", changed(2, hashlib.sha256(BEFORE).digest())
    yield "procedure-large", claim, "eight digits", changed(3, 10_000_000)
    yield "procedure-text", claim, "text", changed(3, "1.012345")
    yield "number-short", "seal-not-canonical", "ND30 prints 05", changed(4, "5/QĐ-UBND")
    yield "number-nfd", "seal-not-canonical", "decomposed diacritics", changed(4, "15/QĐ-U\u031bB")
    yield "number-space", "seal-not-canonical", "a space", changed(4, "15/QĐ-UBND ")
    yield "number-none", claim, "no document number", changed(4, "QĐ-UBND")
    yield "number-utf8", invalid, "not UTF-8", message(payload=PAYLOAD.replace("Đ".encode(), b"\xc4\x41"))
    yield "holder-name", "seal-holder-invalid", "a name in clear", changed(5, "Nguyễn Văn A")
    yield "holder-more", "seal-holder-invalid", "digits of an id", changed(5, "N.V.A***123")
    yield "holder-null", claim, "absent is a shorter array, not null", changed(5, None)

    yield (
        "tag-inside",
        invalid,
        "a bigfloat with a huge exponent (RFC 8949 section 3.4.4)",
        message(payload=bytes.fromhex("a106c5821b7fffffffffffffff01")),
    )
    yield "deep", invalid, "nested too deep", payload(claims={6: [[[[[[0]]]]]], **rest})
    yield "huge-array", invalid, "says that it has 2^32 - 1 elements", bytes.fromhex("9affffffff") + good[1:]
    yield "huge-string", invalid, "says that it has 2^64 - 1 bytes", bytes.fromhex("845bffffffffffffffff")


def misspelled() -> Iterator[tuple[str, str, str, str]]:
    """Digits and URLs."""
    digits, url = token().digits, token().url(HOST)
    bad = "seal-digits-invalid"
    yield "digits-missing", bad, "one digit less is no length of any token", digits[:-1]
    yield "digits-more", bad, "one digit more", digits + "0"
    yield "digits-overflow", bad, "2^56 in the first 17 digits", str(2**56) + digits[17:]
    yield "digits-tail-overflow", bad, "65536 where two bytes are spelled", digits[:-5] + "65536"
    for name, comment, text in (
        ("http", "not https", url.replace("https", "http")),
        ("upper", "a capital scheme", url.replace("https", "HTTPS")),
        ("path", "another path", url.replace("/1#", "/2#")),
        ("slash", "a slash too many", url.replace("/1#", "/1/#")),
        ("query", "a query", url.replace("/1#", "/1?x#")),
        ("port", "a port", url.replace("/1#", ":443/1#")),
        ("user", "user information", url.replace("q.gov", "x@q.gov")),
        ("empty", "no digits", url.split("#", maxsplit=1)[0] + "#"),
        ("space", "a space at the end", url + " "),
        ("escaped", "an escaped digit", url[:-1] + f"%3{url[-1]}"),
    ):
        yield f"url-{name}", "seal-url-invalid", comment, text
    for name, comment, host in (
        ("capital", "capitals", "Q.gov.vn"),
        ("dot", "a dot at the end", "q.gov.vn."),
        ("single", "a single label", "localhost"),
        ("address", "an address", "10.0.0.1"),
        ("unicode", "not ASCII", "q.góv.vn"),
        ("dash", "a label that ends with a dash", "q-.gov.vn"),
    ):
        yield f"host-{name}", "seal-host-invalid", comment, url.replace(HOST, host)
    yield "digits-token", "seal-cbor-invalid", "digits that spell something else", to_digits(bytes.fromhex("ff") * 20)


def example() -> str:
    """The worked example of the specification."""
    made = token()
    data, tbs = bytes(made), to_be_signed(CLAIMS, GOOD.kid)
    symbol = Symbol.of(made.url(HOST))
    q = KEY.public_key().public_numbers()
    rows = "".join(f"| {a} | `{b.hex(' ')}` | {c} |\n" for a, b, c in _annotated(data))
    return f"""Inputs. The key is that of RFC 6979 §A.2.5, with the signature made as RFC 6979 describes; another
`k` gives another signature and another, equally good token.

| | |
|---|---|
| private key | `{KEY.private_numbers().private_value:064x}` |
| public key x | `{q.x:064x}` |
| public key y | `{q.y:064x}` |
| kid | agency number {GOOD.kid.agency}, key sequence {GOOD.kid.sequence} |
| issued at | {CLAIMS.issued_at:%Y-%m-%dT%H:%M:%SZ} = {IAT} |
| id | `{CLAIMS.result_id}` = `{CTI.hex()}` |
| status number | {CLAIMS.status_number}: list {CLAIMS.status_shard}, entry {CLAIMS.status_index} |
| sealed bytes | `{BEFORE!r}` ({len(BEFORE)} bytes) |
| their SHA-256 | `{hashlib.sha256(BEFORE).hexdigest()}` |
| procedure | {CLAIMS.procedure} = {CLAIMS.procedure.number} |
| document number | {CLAIMS.number} |
| holder | Nguyễn Văn A, masked `{CLAIMS.holder}` |
| host | {HOST} |

The {len(data)} bytes of the token:

| at | bytes | |
|---|---|---|
{rows}
To be signed, {len(tbs)} bytes:

```
{_wrapped(tbs.hex())}
```

The URL, {len(made.url(HOST))} characters with {len(made.digits)} digits:

```
{_wrapped(made.url(HOST))}
```

The symbol: version {symbol.version}-{symbol.level.name}, mask {symbol.mask}, {len(symbol.modules)} × \
{len(symbol.modules)} modules of {symbol.module_mm:.3f} mm at {symbol.size_mm:g} mm, quiet zone \
{symbol.quiet_mm:.2f} mm on each side. Its rows from the top, dark = 1, as hex with zeros appended to whole bytes:

```
{_rows(symbol)}
```
"""


def _annotated(data: bytes) -> Iterator[tuple[int, bytes, str]]:
    at = 0
    for size, meaning in (
        (1, "array of 4"),
        (1, "protected header: 9 bytes"),
        (1, "map of 2"),
        (2, "1 (alg): −7 (ES256)"),
        (6, "4 (kid): agency number, key sequence"),
        (1, "unprotected header: empty map"),
        (2, "payload: 76 bytes"),
        (1, "map of 3"),
        (6, "6 (iat): issued at"),
        (12, "7 (cti): id"),
        (6, "−65537: array of 6"),
        (1, "[0] version"),
        (5, "[1] status number"),
        (17, "[2] digest"),
        (5, "[3] procedure"),
        (14, "[4] document number"),
        (9, "[5] masked holder"),
        (2, "signature: 64 bytes"),
        (32, "r"),
        (32, "s"),
    ):
        yield at, data[at : at + size], meaning
        at += size
    assert at == len(data)


def _rows(symbol: Symbol) -> str:
    width = (len(symbol.modules) + 7) // 8 * 8
    rows = ("".join("01"[m] for m in row).ljust(width, "0") for row in symbol.modules)
    return "\n".join(f"{int(row, 2):0{width // 4}x}" for row in rows)


def _wrapped(text: str) -> str:
    return "\n".join(text[i : i + 96] for i in range(0, len(text), 96))


def files() -> dict[str, str]:
    """Every generated file of this folder, by name."""
    made: dict[str, str] = {"keys.json": KEYS.to_json()}
    for vector in vectors():
        name = f"{vector.name}.txt"
        assert name not in made, name
        made[name] = vector.text()
    return made


def spec(current: str) -> str:
    """The specification with its worked example made anew."""
    return re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _: BEGIN + example() + END, current, flags=re.DOTALL)


if __name__ == "__main__":
    for old in HERE.glob("*.txt"):
        old.unlink()
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="utf-8", newline="\n")
    SPEC.write_text(spec(SPEC.read_text("utf-8")), encoding="utf-8", newline="\n")
