"""Check a bundle without a network: its files, its document, and that the report is still what we would say."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from esign.bundle.making import ANCHORS, DOCUMENT, ISSUERS, LISTS, MANIFEST, OCSP, REPORT, SIGNATURE
from esign.cms.detached import signer_of
from esign.errors import InputError
from esign.reasons import Reason, system_problem
from esign.report import Block, Check, Outcome, VerificationReport
from esign.reports.json import to_json
from esign.seal import SealKeys
from esign.trust import Evidence, TrustStore, validate_certificate
from esign.verification import Verifier

__all__ = ["BundleFinding", "check_bundle"]

_CLAUSE = "docs/spec/bundle.md §3"
_LINE = re.compile(r"([0-9a-f]{64})  (\S[^\n]{0,200})")
_CRL = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\n", re.DOTALL)
_MOST_FILES, _MOST_BYTES = 5000, 512 * 2**20
_VERDICT = ("field", "indication", "sub_indication", "level")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFinding:
    """What checking a bundle found; no truth value: look at `checks`."""

    checks: tuple[Check, ...]
    """Its files, who signed their list, its document, its report."""
    report: VerificationReport | None
    """What we say of the document, as of the day of the bundle, with what the bundle brings."""
    signer: bytes = field(default=b"", repr=False)
    """Who signed the list of files, DER; empty where nobody did."""


def check_bundle(folder: Path, *, trust: TrustStore | None = None, at: datetime) -> BundleFinding:
    """Check the bundle in `folder`; `trust` are anchors of your own, which a bundle cannot bring along itself.

    Raises:
        InputError: `bundle-unreadable`: there is no list of files, or what it lists cannot be read.
    """
    manifest = _read(folder, MANIFEST)
    listed = dict(_listed(manifest))
    contents: dict[str, bytes] = {}
    checks = [*_files(folder, listed, contents)]
    signer, more = _signed(folder, manifest, trust, at)
    checks += more
    if DOCUMENT not in contents or REPORT not in contents:
        checks.append(_failed("bundle-files", "bundle-file-missing", file=DOCUMENT))
        return BundleFinding(checks=tuple(checks), report=None, signer=signer)
    brought = _trust(contents)
    checks.append(_anchors(brought, trust))
    said = _report(contents[REPORT])
    report = Verifier(trust=brought, now=lambda: at, seal_keys=SealKeys()).inspect(
        contents[DOCUMENT], at=datetime.fromisoformat(str(said["at"]))
    )
    checks += _compared(said, report)
    return BundleFinding(checks=tuple(checks), report=report, signer=signer)


def _read(folder: Path, name: str) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as e:
        raise InputError("bundle-unreadable", file=name, problem=system_problem(e)) from e
    if len(data) > _MOST_BYTES:
        raise InputError("bundle-unreadable", file=name, problem="size")
    return data


def _listed(manifest: bytes) -> Iterator[tuple[str, str]]:
    """The names in the list and their digests; a name leads nowhere but into the folder."""
    lines = manifest.decode("utf-8", "replace").splitlines()
    for line in lines[:_MOST_FILES]:
        found = _LINE.fullmatch(line)
        path = PurePosixPath(found[2]) if found else None
        if found is None or path is None or path.is_absolute() or {"..", "."} & set(path.parts) or "\\" in found[2]:
            raise InputError("bundle-unreadable", file=MANIFEST, problem=line[:80])
        yield found[2], found[1]


def _files(folder: Path, listed: dict[str, str], contents: dict[str, bytes]) -> Iterator[Check]:
    wrong = False
    for name, digest in listed.items():
        if (folder / name).is_symlink() or not (folder / name).is_file():
            wrong = True
            yield _failed("bundle-files", "bundle-file-missing", file=name)
            continue
        data = _read(folder, name)
        contents[name] = data
        if hashlib.sha256(data).hexdigest() != digest:
            wrong = True
            yield _failed("bundle-files", "bundle-file-changed", file=name)
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    for name in sorted(present - listed.keys() - {MANIFEST, SIGNATURE}):
        yield _check("bundle-files", "bundle-file-extra", Outcome.NOTED, file=name[:200])
    if not wrong:
        yield Check(name="bundle-files", outcome=Outcome.PASSED, clause=_CLAUSE)


def _signed(folder: Path, manifest: bytes, trust: TrustStore | None, at: datetime) -> tuple[bytes, list[Check]]:
    """Who signed the list; without a signature it tells accidents from nothing, not forgers."""
    if not (folder / SIGNATURE).is_file():
        return b"", [_check("bundle-signature", "bundle-unsigned", Outcome.NOTED)]
    try:
        found = signer_of(manifest, _read(folder, SIGNATURE))
    except InputError:
        found = ()
    if not found:
        return b"", [_failed("bundle-signature", "bundle-signature-wrong")]
    passed = Check(name="bundle-signature", outcome=Outcome.PASSED, clause=_CLAUSE, block=Block.CRYPTOGRAPHIC)
    if trust is None or not trust.anchors:
        return found[0], [passed]
    result = validate_certificate(found[0], trust=trust, at=at, evidence=Evidence(certificates=found[1:]))
    return found[0], [passed, *result.checks]


def _trust(contents: dict[str, bytes]) -> TrustStore:
    anchors = contents.get(ANCHORS, b"")
    issuers, lists = contents.get(ISSUERS, b""), contents.get(LISTS, b"")
    store = TrustStore.from_pem(
        *([anchors] if anchors.strip() else []),
        intermediates=[issuers] if issuers.strip() else [],
        crls=_CRL.findall(lists),
    )
    answers = tuple(data for name, data in contents.items() if name.startswith(f"{OCSP}/"))
    return TrustStore(anchors=store.anchors, intermediates=store.intermediates, crls=store.crls, ocsps=answers)


def _anchors(brought: TrustStore, trust: TrustStore | None) -> Check:
    """Roots that came with the bundle prove nothing; somebody has to know them from elsewhere."""
    own = {a.sha256 for a in trust.anchors} if trust else set()
    unknown = [a.sha256 for a in brought.anchors if a.sha256 not in own]
    if unknown:
        return _check("bundle-anchors", "bundle-anchors-own", Outcome.UNKNOWN, sha256=", ".join(unknown))
    return Check(name="bundle-anchors", outcome=Outcome.PASSED, clause=_CLAUSE)


def _report(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
        datetime.fromisoformat(str(found["at"]))
    except (ValueError, KeyError, TypeError) as e:
        raise InputError("bundle-unreadable", file=REPORT, problem=type(e).__name__) from e
    assert isinstance(found, dict)
    return found


def _compared(said: dict[str, Any], report: VerificationReport) -> Iterator[Check]:
    now = to_json(report)
    if said.get("sha256") != report.sha256:
        yield _failed("bundle-report", "bundle-report-other-file")
        return
    same = said.get("integrity") == now["integrity"] and _verdicts(said) == _verdicts(now)
    yield (
        Check(name="bundle-report", outcome=Outcome.PASSED, clause=_CLAUSE)
        if same
        else _failed("bundle-report", "bundle-report-differs")
    )


def _verdicts(report: dict[str, Any]) -> list[tuple[object, ...]]:
    return [tuple(s.get(k) for k in _VERDICT) for s in report.get("signatures", ())]


def _failed(name: str, code: str, **facts: object) -> Check:
    return _check(name, code, Outcome.FAILED, **facts)


def _check(name: str, code: str, outcome: Outcome, **facts: object) -> Check:
    return Check(name=name, outcome=outcome, clause=_CLAUSE, reason=Reason(code, facts))
