"""The page's reading of seals is Python's: on the vectors, on random tokens, and on everything that was changed."""

import json
import random
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from esign.codes import DocumentNumber, ProcedureCode, ResultId
from esign.errors import SealError
from esign.keys import Mechanism
from esign.seal import Kid, MaskedHolder, SealClaims, SealToken, make
from esign.seal.cose import Sign1, raw_signature
from esign.seal.digits import to_digits
from tests.browser.conftest import SOURCES
from tests.support import site as sample
from tests.support.chromium import opened
from tests.support.web import Web
from tests.unit.seal import test_vectors

RANDOM = 2000
SYMBOLS = ("QĐ-UBND", "GCN", "QĐ-CTUBND", "VPCP-KSTT", "CT-TTg", "QĐ-SNN&PTNT", "NQ-HĐND.KT", "GP-SGTVT")

# Codes of many tokens, or what they say where they are well-formed.
READ = """async (tokens) => {
  const { parseDigits, showId } = await import("/seal.js");
  const { isSignedBy } = await import("/cose.js");
  const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const point = fromHex(POINT);
  return Promise.all(tokens.map(async (digits) => {
    try {
      const s = parseDigits(digits);
      const good = await isSignedBy(s.message, point);
      return [good ? "good" : "seal-signature-invalid", s.kid, showId(s.id), s.number, s.holder, s.issuedAt,
        s.expiresAt, s.statusNumber, s.procedure];
    } catch (e) { return [e.code ?? String(e)]; }
  }));
}"""


@pytest.fixture
def tab(browser: Browser, sources: Web) -> Any:
    with opened(browser) as tab:
        tab.goto(sources.url("/bytes.js"))
        yield tab


def by_page(tab: Tab, tokens: list[bytes], key: str = "seal") -> list[list[Any]]:
    function = READ.replace("POINT", json.dumps(sample.point(key).hex()))
    digits = [to_digits(token) for token in tokens]
    found: list[list[Any]] = []
    for i in range(0, len(digits), 500):
        found += tab.evaluate(function, digits[i : i + 500])
    return found


def by_python(data: bytes) -> list[Any]:
    try:
        token = SealToken.parse(data)
    except SealError as e:
        return [e.code]
    try:
        token.check(sample.key("seal").public_key)
        verdict = "good"
    except SealError as e:
        verdict = e.code
    said = token.claims
    return [
        verdict,
        str(token.kid),
        str(said.result_id),
        str(said.number),
        str(said.holder) if said.holder else None,
        int(said.issued_at.timestamp()),
        int(said.expires.timestamp()) if said.expires else None,
        said.status_number,
        said.procedure.number,
    ]


def tokens(count: int, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        issued = datetime.fromtimestamp(chance.randrange(2**32 - 2), UTC)
        left = 2**32 - 1 - int(issued.timestamp())
        said = SealClaims(
            issued_at=issued,
            result_id=ResultId(chance.randbytes(10)),
            status_number=chance.choice([chance.randrange(2**32), chance.randrange(2**17), 0, 23, 24, 255, 256, 65535]),
            digest=chance.randbytes(16),
            procedure=ProcedureCode.from_number(chance.randrange(10**7)),
            number=DocumentNumber(
                chance.randrange(1, 10 ** chance.randrange(1, 10)),
                chance.choice([None, chance.randrange(1945, 2200)]),
                chance.choice(SYMBOLS),
            ),
            holder=chance.choice([None, MaskedHolder.of("Nguyễn Văn A"), MaskedHolder.of("Đỗ Thị Ánh")]),
            expires=chance.choice([None, issued + timedelta(seconds=chance.randrange(1, left + 1))]),
        )
        kid = Kid(chance.randrange(2**16), chance.randrange(2**16))
        made.append(bytes(make(said, kid, sample.key("seal"))))
    return made


def test_random_tokens_say_the_same(tab: Tab) -> None:
    made = tokens(RANDOM, seed=1)
    assert [r[0] for r in by_page(tab, made)] == ["good"] * RANDOM
    assert by_page(tab, made) == [by_python(token) for token in made]


@pytest.mark.slow
def test_ten_thousand_random_tokens_say_the_same(tab: Tab) -> None:
    made = tokens(10_000, seed=2)
    assert by_page(tab, made) == [by_python(token) for token in made]


def test_every_single_bit_counts(tab: Tab) -> None:
    for token in tokens(4, seed=3):
        changed = [
            token[:i] + bytes([token[i] ^ 1 << bit]) + token[i + 1 :] for i in range(len(token)) for bit in range(8)
        ]
        found = by_page(tab, changed)
        assert "good" not in {f[0] for f in found}
        assert found == [by_python(one) for one in changed]


def test_what_was_cut_or_grown_or_mixed_is_refused_alike(tab: Tab) -> None:
    chance = random.Random(4)
    changed = []
    for token in tokens(20, seed=5):
        changed += [token[:i] for i in range(1, len(token), 3)] + [token + bytes([b]) for b in (0, 1, 0xFF)]
        for _ in range(60):
            one = bytearray(token)
            for _ in range(chance.randrange(1, 5)):
                at = chance.randrange(len(one))
                match chance.randrange(3):
                    case 0:
                        one[at] = chance.randrange(256)
                    case 1:
                        del one[at]
                    case _:
                        one.insert(at, chance.randrange(256))
            changed.append(bytes(one))
    changed += [chance.randbytes(chance.randrange(1, 60)) for _ in range(500)]
    found = by_page(tab, changed)
    assert found == [by_python(one) for one in changed]


def signed(claims: object, protected: object = None) -> bytes:
    """A message whose signature is right, whatever it says."""
    header = cbor2.dumps({1: -7, 4: bytes(4)} if protected is None else protected)
    message = Sign1(protected=header, payload=cbor2.dumps(claims), signature=b"")
    der = sample.key("seal").sign(message.to_be_signed(), mechanism=Mechanism.ECDSA_P256_SHA256)
    return Sign1(protected=header, payload=message.payload, signature=raw_signature(der)).encoded()


def test_signed_nonsense_is_refused_alike(tab: Tab) -> None:
    """A stolen key signs anything: values at and beyond each limit, other types, text in other spellings."""
    good = [1, 5, bytes(16), 1012345, "15/QĐ-UBND", "N.V.A***"]
    values: list[list[object]] = [
        [1, 0, 2, 255, 2**63, -1, True, "1", None],
        [0, 2**32 - 1, 2**32, 2**53, 2**64 - 1, -1, -(2**64), True, False, None, "5", b"5"],
        [bytes(15), bytes(17), b"", "0" * 16, None],
        [0, 9_999_999, 10_000_000, -1, 2**64 - 1, True, "1"],
        ["5/QĐ-UBND", "05/QĐ-UBND", " 15/QĐ-UBND", "15/ QĐ-UBND", "15/2026/QĐ-UBND", "15/1944/Q", "15/2200/Q", "0/Q"],
        ["00/Q", "1000000000/Q", "15/q", "15/Q-", "15/-Q", "15/Q--Q", "15/Q-.A", "15/Q-&A", "15/Q Q", "15/", "15", ""],
        ["15/QĐ-UBND\n", "15/QĐ-UBND\x00", "١٥/Q", "15/Ｑ", "15/ª", "15/Aª", "15/ǅA", "15/АБВ", "15/Ö", "15/O\u0308"],
        ["15/" + "Q" * 60, "15/" + "Q" * 61, "15/" + "𝐀" * 3, "15/\u212b", "015/Q", "15//Q", "15/ß", None, b"15/Q", 1],
        ["A***", "A.B***", "A.B.C.D.E.F.G.H***", "A.B.C.D.E.F.G.H.I***", "***", "A**", "a***", "AB***", "A.***"],
        [".A***", "Ă***", "A\u0306***", "1***", "А***", "ǅ***", "ª***", "A***\n", "A****", None, b"A***", 1],
    ]
    positions = (0, 1, 2, 3, 4, 4, 4, 4, 5, 5)
    claims: list[object] = [
        {6: 1, 7: bytes(10), -65537: [*good[:position], value, *good[position + 1 :]]}
        for position, tried in zip(positions, values, strict=True)
        for value in tried
    ]
    claims += [{6: i, 7: bytes(10), -65537: good} for i in (0, 2**32 - 1, 2**32, -1, True, "1", 1.0, None)]
    claims += [{4: e, 6: 1, 7: bytes(10), -65537: good} for e in (0, 1, 2, 2**32 - 1, 2**32, True, None)]
    claims += [{6: 1, 7: cti, -65537: good} for cti in (bytes(9), bytes(11), "0123456789", 7, None)]
    seals: list[object] = [good[:4], good[:5], [*good, 1], [], {}, 1, None, ""]
    claims += [{6: 1, 7: bytes(10), -65537: seal} for seal in seals]
    claims += [{}, [], 1, "x", None, {7: bytes(10), 6: 1, -65537: good}, {6: 1, 7: bytes(10)}, {1: 1, 6: 1}]
    claims += [{6: 1, 7: bytes(10), -65537: good, 8: 1}, {6: 1, 7: bytes(10), -65537: good, "x": 1}]
    claims += [{6: 1, 7: [[[[[1]]]]], -65537: good}, {6: 1, 7: bytes(10), -65537: [2, [[[]]]]}]
    headers = [{}, {1: -7}, {4: bytes(4)}, {1: -9, 4: bytes(4)}, {1: -7, 4: bytes(3)}, {1: -7, 4: "1234"}]
    headers += [{1: -7, 2: [1], 4: bytes(4)}, {1: -7, 3: 0, 4: bytes(4)}, {4: bytes(4), 1: -7}, {1: True, 4: bytes(4)}]
    made = [signed(c) for c in claims]
    made += [signed({6: 1, 7: bytes(10), -65537: good}, header) for header in headers]
    expected = [by_python(one) for one in made]
    assert {e[0] for e in expected} >= {"good", "seal-claim-invalid", "seal-not-canonical", "seal-holder-invalid"}
    assert by_page(tab, made) == expected


def test_the_vectors(tab: Tab) -> None:
    """Those of docs/spec/seal.md §12; the table of keys stands in for the trust list."""
    table = json.loads((test_vectors.FOLDER / "keys.json").read_text("utf-8"))["keys"]
    function = """async ([table, links]) => {
      const { judge } = await import("/verdict.js");
      const { parseSeal } = await import("/seal.js");
      const { fromBase64 } = await import("/bytes.js");
      const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
      const seconds = (text) => text && Date.parse(text) / 1000;
      const keys = new Map(table.map((k) => [k.kid, { point: fromBase64(k.public_key).slice(-65), host: k.host,
        nameVi: k.name_vi, nameEn: k.name_en, notBefore: seconds(k.not_before), notAfter: seconds(k.not_after),
        revokedAfter: seconds(k.revoked_after) }]));
      const files = { trustPart: async ({ path }) => path.startsWith("/t/a") ? { keys, hosts: new Map() } : null };
      const found = [];
      for (const [link, at, host, hex] of links) {
        try {
          if (hex !== null) parseSeal(fromHex(hex));
          const verdict = await judge(link, { host, at: seconds(at), files });
          found.push([verdict.state, verdict.findings.map((f) => f.code)]);
        } catch (e) { found.push([null, [e.code ?? String(e)]]); }
      }
      return found;
    }"""
    links, expected = [], []
    for path in test_vectors.VECTORS:
        header, body = test_vectors.read(path)
        is_link = body.lower().startswith("http") or test_vectors.is_digits(path)
        link = body if is_link else to_digits(bytes.fromhex(body))
        # Where nothing can be spelled in digits (no byte at all), the bytes themselves are read.
        links.append([link, header["at"], header.get("host"), None if is_link else body])
        expected.append(header["expect"])
    assert len(links) > 100
    found = tab.evaluate(function, [table, links])
    wrong = []
    for path, expect, (_, codes) in zip(test_vectors.VECTORS, expected, found, strict=True):
        if (codes or ["genuine"])[0] != expect:
            wrong.append((path.stem, expect, codes))
    assert wrong == []


def test_letters_are_those_of_python(tab: Tab) -> None:
    """Unicode's tables in the browser and in Python name the same letters Latin, capital, and no small letter."""
    function = """async () => {
      const { spellNumber } = await import("/seal.js");
      const latin = [], first = [];
      for (let c = 0; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000) continue;
        const letter = String.fromCodePoint(c);
        if (spellNumber(`15/Q${letter}`) === `15/Q${letter}`) latin.push(c);
        if (spellNumber(`15/${letter}`) === `15/${letter}`) first.push(c);
      }
      return [latin, first];
    }"""
    latin, first = (set(found) for found in tab.evaluate(function))

    def is_spelled(text: str) -> bool:
        try:
            return str(DocumentNumber.parse(text)) == text
        except Exception:
            return False

    everything = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    assigned = {ord(c) for c in everything if unicodedata.category(c) != "Cn"}
    modifiers = {ord(c) for c in everything if unicodedata.category(c) == "Lm"}
    python_latin = {ord(c) for c in everything if is_spelled(f"15/Q{c}")}
    python_first = {ord(c) for c in everything if is_spelled(f"15/{c}")}
    # The page is stricter where Unicode's names mislead: modifier letters (ⁿ, ₐ), and Glagolitic "Latinate" ones.
    assert latin & assigned <= python_latin
    assert python_latin - latin <= modifiers | {0x2C2E, 0x2C5E}
    assert first & assigned == python_first - {0x2C2E}


def test_sources_run_as_they_are(browser: Browser, site: sample.Site, sources: Web) -> None:
    """No build step: the folder itself is a page. Without roots it knows nobody."""
    assert (SOURCES / "page.html").is_file()
    page = (SOURCES / "page.html").read_text("utf-8").replace("q.gov.vn", "q.localhost")
    sources.files["/page.html"] = page.encode()
    with opened(browser) as tab:
        tab.goto(sources.url("/page.html#" + site.samples[0].url.partition("#")[2]))
        tab.wait_for_selector("#panel[data-state=unknown-key]")
