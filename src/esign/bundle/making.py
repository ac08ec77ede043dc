"""Make a bundle: every file as bytes first, then all of them into a new folder."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from esign.bundle.evidence import SignatureFiles, pem_of_certificates, pem_of_lists, rests_on, signature_files
from esign.cms.detached import sign_detached
from esign.errors import InputError
from esign.files import write_durably
from esign.keys import Mechanism, SigningKey
from esign.registry import Registry
from esign.report import VerificationReport
from esign.reports.etsi import to_xml
from esign.reports.json import to_json
from esign.reports.page import to_html
from esign.trust import TrustStore
from esign.verification import Verifier

__all__ = ["DOCUMENT", "FORMAT", "MANIFEST", "REPORT", "make_bundle", "write_bundle"]

FORMAT = "esign-bundle/1"
DOCUMENT, MANIFEST, REPORT = "document.pdf", "MANIFEST.sha256", "report/report.json"
SIGNATURE = "MANIFEST.p7s"
ANCHORS, ISSUERS, LISTS, OCSP = "trust/anchors.pem", "trust/issuers.pem", "trust/crls.pem", "trust/ocsp"


def make_bundle(
    pdf: bytes,
    *,
    verifier: Verifier,
    trust: TrustStore,
    made_at: datetime,
    registry: Registry | None = None,
    key: SigningKey | None = None,
    mechanism: Mechanism | None = None,
) -> Mapping[str, bytes]:
    """The files of a bundle on `pdf`, by their names in it; with `key` its list of files is signed.

    `verifier` judges, as of `made_at`; `trust` is what it judges with, and goes along.

    Raises:
        KeyStoreError, SigningError: `key` cannot sign.
    """
    report = verifier.inspect(pdf, at=made_at)
    store, evidence = rests_on(pdf, report, trust)
    signatures = signature_files(pdf)
    found: dict[str, bytes] = {DOCUMENT: pdf}
    found |= _reports(report)
    found[ANCHORS] = pem_of_certificates(a.der for a in store.anchors)
    found[ISSUERS] = pem_of_certificates(evidence.certificates)
    found[LISTS] = pem_of_lists(evidence.crls)
    found |= {f"{OCSP}/{hashlib.sha256(o).hexdigest()[:16]}.der": o for o in evidence.ocsps}
    for i, signature in enumerate(signatures, 1):
        found |= _signature(i, signature)
    if registry is not None:
        found |= _history(report, registry)
    found["FORMATS.txt"] = (files("esign.bundle") / "files" / "FORMATS.txt").read_bytes()
    found["README.txt"] = _readme(report, signatures, store, made_at, signed=key is not None, names=found)
    found[MANIFEST] = _manifest(found)
    if key is not None and mechanism is not None:
        found[SIGNATURE] = sign_detached(found[MANIFEST], key, mechanism=mechanism)
    return found


def write_bundle(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Put a bundle into a new folder; its list of files comes last, so that a part of a bundle is none.

    Raises:
        InputError: `output-exists`.
        RegistryError: `disk-not-writable`.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError("output-exists", file=folder)
    last = {MANIFEST, SIGNATURE}
    for name in sorted(contents, key=lambda n: (n in last, n)):
        write_durably(folder / name, contents[name], private=False)


def _reports(report: VerificationReport) -> dict[str, bytes]:
    found = {
        REPORT: json.dumps(to_json(report), ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n",
        "report/bao-cao.html": to_html(report, name=DOCUMENT, language="vi").encode(),
        "report/report.html": to_html(report, name=DOCUMENT, language="en").encode(),
    }
    if report.signatures:
        found["report/report.xml"] = to_xml(report)
    return found


def _signature(number: int, signature: SignatureFiles) -> dict[str, bytes]:
    place = f"signatures/{number}"
    found = {f"{place}/signature.der": signature.container}
    for i, token in enumerate(signature.tokens, 1):
        found[f"{place}/timestamp-{i}.der"] = token
        found[f"{place}/signature-value.bin"] = signature.value
    return found


def _history(report: VerificationReport, registry: Registry) -> dict[str, bytes]:
    """What the register says of the document and of what became of it; without the holder."""
    intent = registry.by_sha256(report.sha256)
    if intent is None:
        return {}
    said: dict[str, object] = {
        "id": str(intent.id),
        "state": intent.state.value,
        "agency": str(intent.agency),
        "number": str(intent.number or ""),
        "issue_date": intent.issue_date.isoformat(),
        "issued_at": intent.issued_at.isoformat() if intent.issued_at else None,
        "sha256": report.sha256,
        "history": [
            {
                "standing": entry.change.standing.value,
                "at": entry.change.at.isoformat(),
                "by": entry.change.by,
                "why": entry.change.why,
                "other": str(entry.change.other or ""),
                "recorded_at": entry.recorded_at.isoformat(),
            }
            for entry in registry.history(intent.id)
        ],
    }
    return {"register/history.json": json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n"}


def _manifest(contents: Mapping[str, bytes]) -> bytes:
    """What `sha256sum --check` reads."""
    lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(contents.items()))
    return "".join(lines).encode()


def _readme(
    report: VerificationReport,
    signatures: tuple[SignatureFiles, ...],
    store: TrustStore,
    made_at: datetime,
    *,
    signed: bool,
    names: Mapping[str, bytes],
) -> bytes:
    text = _template().render(
        format=FORMAT,
        version=version("esign"),
        made_at=f"{made_at:%Y-%m-%d %H:%M:%S} UTC",
        report=report,
        anchors=[(a.name, a.sha256) for a in store.anchors],
        signatures=[_steps(i, s, report, names) for i, s in enumerate(signatures, 1)],
        signed=signed,
        register="register/history.json" in names,
    )
    return text.encode()


def _steps(number: int, signature: SignatureFiles, report: VerificationReport, names: Mapping[str, bytes]) -> object:
    """The commands that check one signature."""
    (first, first_end), (second, second_end) = signature.ranges
    said = next((s for s in report.signatures if s.field_name == signature.field_name), None)
    moment = (said.best_time if said else None) or report.at
    signed = f"signed-{number}.bin"
    cut = [
        f"head -c {first_end - first} {DOCUMENT} > {signed}",
        f"tail -c +{second + 1} {DOCUMENT} | head -c {second_end - second} >> {signed}",
    ]
    place = f"signatures/{number}"
    issuers = bool(names.get(ISSUERS))
    until = f"-attime {int(moment.timestamp())}"

    def stamp(token: str, data: str) -> str:
        others = f" -untrusted {ISSUERS}" if issuers else ""
        return f"openssl ts -verify -token_in -in {token} -data {data} -CAfile {ANCHORS}{others} {until}"

    commands = list(cut)
    if signature.is_timestamp:
        commands.append(stamp(f"{place}/signature.der", signed))
    elif signature.detached:
        others = f" -certfile {ISSUERS}" if issuers else ""
        # -purpose any: the program would ask for a certificate for e-mail.
        commands.append(
            f"openssl cms -verify -binary -inform DER -in {place}/signature.der -content {signed} -purpose any "
            f"-CAfile {ANCHORS}{others} {until} -out /dev/null"
        )
    commands += [
        stamp(f"{place}/timestamp-{i}.der", f"{place}/signature-value.bin") for i in range(1, len(signature.tokens) + 1)
    ]
    plain = signature.is_timestamp or signature.detached
    return {"number": number, "said": said, "commands": commands, "plain": plain}


@cache
def _template() -> Template:
    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # plain text, never shown by a browser
    )
    return environment.from_string((files("esign.bundle") / "files" / "README.txt.j2").read_text("utf-8"))
