"""`esign verify`: what a document's signatures, its seal and a register say; with or without a working folder."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import Error, InputError
from esign_cli.exits import ExitCode, worst
from esign_cli.options import AsJSON
from esign_cli.output import Colour, iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.report import Check, SignatureReport, VerificationReport
    from esign.verification import Verifier

__all__ = ["moment", "register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify", help="cmd-verify", no_args_is_help=True)(verify)


def verify(  # noqa: PLR0913  # options of the command
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="arg-verify-files", readable=False)],
    *,
    anchor: Annotated[list[Path] | None, typer.Option(metavar="FILE|DIR", help="opt-anchor", readable=False)] = None,
    intermediate: Annotated[
        list[Path] | None, typer.Option(metavar="FILE|DIR", help="opt-intermediate", readable=False)
    ] = None,
    crl: Annotated[list[Path] | None, typer.Option(metavar="FILE|DIR", help="opt-crl", readable=False)] = None,
    keys: Annotated[Path | None, typer.Option(metavar="FILE", help="opt-seal-keys", readable=False)] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="opt-at")] = None,
    register: Annotated[bool, typer.Option("--register/--no-register", help="opt-register")] = True,
    as_json: AsJSON = False,
) -> ExitCode:
    """Verify each file and say why."""
    run = session(ctx)
    when = moment(at) if at else None
    verifier = _verifier(run, anchor or [], intermediate or [], crl or [], keys, with_register=register)
    codes = []
    for file in files:
        codes.append(_verify_one(run, verifier, file, when, as_json=as_json))
        if not as_json and len(files) > 1:
            run.output.line()
    return worst(*codes)


def _verifier(  # what was typed
    run: Session,
    anchors: list[Path],
    intermediates: list[Path],
    crls: list[Path],
    keys: Path | None,
    *,
    with_register: bool,
) -> "Verifier":
    """Given anchors and lists come on top of the configuration's; without any, integrity is still told."""
    from esign.registry import Registry
    from esign_cli import wiring

    config = run.config_if_any()
    registry = None
    if config is not None:
        t = config.trust
        anchors, intermediates, crls = [*t.anchors, *anchors], [*t.intermediates, *intermediates], [*t.crls, *crls]
        keys = keys or (t.seal_keys if t.seal_keys and t.seal_keys.exists() else None)
        if with_register and wiring.has_register(config.paths):
            registry = Registry.open(config.paths.registry, now=run.now)
    return wiring.verifier(
        trust=wiring.trust_store(anchors=anchors, intermediates=intermediates, crls=crls),
        seal_keys=wiring.seal_key_table(keys),
        registry=registry,
        now=run.now,
    )


def moment(text: str) -> datetime:
    """A time with its zone; a day alone is its beginning in UTC.

    Raises:
        InputError: `time-invalid`.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as e:
        raise InputError("time-invalid", found=text[:40]) from e
    if found.tzinfo is None:
        raise InputError("time-without-zone", found=text[:40])
    return found.astimezone(UTC)


def _verify_one(run: Session, verifier: "Verifier", file: Path, at: datetime | None, *, as_json: bool) -> ExitCode:
    from esign_cli.wiring import read_file

    started = time.perf_counter()
    try:
        pdf = read_file(file)
        report = verifier.inspect(pdf, at=at)
    except Error as e:
        if as_json:
            # The caller learns of every file, of one that cannot even be opened as well.
            row = {"file": str(file), "integrity": "UNREADABLE", "signatures": [], "reasons": [e.code]}
            run.output.json({**row, "seconds": round(time.perf_counter() - started, 4)})
        run.output.error(e)
        return ExitCode.INPUT
    if as_json:
        run.output.json({"file": str(file), **_members(report), "seconds": round(time.perf_counter() - started, 4)})
    else:
        _tell(run, file, report)
    return _answer(report)


def _answer(report: "VerificationReport") -> ExitCode:
    """0 for a document that can be relied on, 1 for one that cannot, 3 where something is not known here."""
    from esign.report import Indication, Integrity, Outcome

    indications = {s.indication for s in report.signatures}
    elsewhere = [c for part in (report, report.seal, report.standing) if part is not None for c in part.checks]
    failed = any(c.outcome is Outcome.FAILED for c in elsewhere)
    if report.integrity is not Integrity.INTACT or Indication.TOTAL_FAILED in indications or failed:
        return ExitCode.NO
    if indications != {Indication.TOTAL_PASSED} or report.reasons:
        return ExitCode.UNDECIDED
    return ExitCode.OK


def _only_standing_failed(report: "VerificationReport") -> bool:
    """The document is sound, and the result is no longer in force: two facts (DESIGN law 4)."""
    from esign.report import Outcome

    failed = [c for c in report.all_checks() if c.outcome is Outcome.FAILED]
    return bool(failed) and {c.name for c in failed} == {"in-force"}


# --- for people -----------------------------------------------------------------------------------------------------

_SYMBOLS = {
    ExitCode.OK: ("✓", "verdict-good", Colour.GOOD),
    ExitCode.NO: ("✗", "verdict-bad", Colour.BAD),
    ExitCode.UNDECIDED: ("?", "verdict-unknown", Colour.DOUBT),
}


def _tell(run: Session, file: Path, report: "VerificationReport") -> None:
    out = run.output
    symbol, code, colour = _SYMBOLS[_answer(report)]
    if _only_standing_failed(report):
        code = "verdict-not-in-force"
    out.line(f"{symbol} {file}: {out.say(code)}", colour=colour)
    out.line(f"  {out.say('integrity-' + report.integrity.value.lower())}")
    for position, signature in enumerate(report.signatures, 1):
        _tell_signature(run, position, signature)
    if report.seal is not None:
        s = report.seal
        out.line(f"  {out.say('verify-seal', number=s.number or '—', id=s.result_id or '—', time=shown(s.issued_at))}")
        _tell_checks(run, s.checks)
    if report.standing is not None:
        standing = report.standing.standing
        word = out.say(f"standing-word-{standing.value}" if standing else "standing-word-unknown")
        out.line(f"  {out.say('verify-standing', standing=word)}")
        for change in report.standing.history:
            # `why` is the office's own words; who decided is not the reader's business here.
            said = out.say(f"standing-word-{change.standing.value}")
            out.line(f"    {shown(change.at)}: {said} — {change.why}" + (f" → {change.other}" if change.other else ""))
        _tell_checks(run, report.standing.checks)
    _tell_checks(run, report.checks)
    out.line(f"  {out.say('verify-at', time=shown(report.at))}")


def _tell_signature(run: Session, position: int, signature: "SignatureReport") -> None:
    out = run.output
    out.line(
        f"  {position}. {out.say('kind-' + signature.kind.value)}: {signature.signer or out.say('signer-unknown')}"
    )
    out.line(f"     {out.say('verify-time', time=shown(signature.signing_time))}")
    covers = "covers-all" if signature.covers_whole_file else "covers-part"
    out.line(f"     {signature.level}, {signature.mechanism}; {out.say(covers)}")
    said = out.say(f"indication-{signature.indication.value.lower()}")
    sub = f" ({signature.sub_indication.value})" if signature.sub_indication else ""
    out.line(f"     {signature.indication.value}{sub}: {said}")
    _tell_checks(run, signature.checks)


def _tell_checks(run: Session, checks: "tuple[Check, ...]") -> None:
    """Only what did not pass; each with what can be done."""
    from esign.report import Outcome

    symbols = {Outcome.FAILED: "✗", Outcome.UNKNOWN: "?", Outcome.NOTED: "·"}
    for check in checks:
        if check.reason is not None and check.outcome in symbols:
            run.output.line(f"     {symbols[check.outcome]} {run.output.explained(check.reason)} [{check.reason.code}]")
            next_step = run.output.next_step(check.reason)
            if next_step:
                run.output.line(f"       → {next_step}")


# --- for machines ---------------------------------------------------------------------------------------------------


def _members(report: "VerificationReport") -> dict[str, object]:
    seal, standing = report.seal, report.standing
    return {
        "integrity": report.integrity.value,
        "signatures": [_signature(s) for s in report.signatures],
        "reasons": list(dict.fromkeys(r.code for r in report.reasons)),
        "answer": {ExitCode.OK: "good", ExitCode.NO: "bad", ExitCode.UNDECIDED: "unknown"}[_answer(report)],
        "sha256": report.sha256,
        "at": iso(report.at),
        "checks": [_check(c) for c in report.checks],
        "seal": seal
        and {
            "number": seal.number,
            "id": seal.result_id,
            "issued_at": iso(seal.issued_at),
            "checks": [_check(c) for c in seal.checks],
        },
        "standing": standing
        and {
            "standing": standing.standing.value if standing.standing else None,
            "number": standing.number,
            "history": [
                {"standing": c.standing.value, "at": iso(c.at), "why": c.why, "other": c.other and str(c.other)}
                for c in standing.history
            ],
            "checks": [_check(c) for c in standing.checks],
        },
    }


def _signature(s: "SignatureReport") -> dict[str, object]:
    return {
        "kind": s.kind.value,
        "level": s.level,
        "field": s.field_name,
        "signer": s.signer,
        "certificate_sha256": s.certificate_sha256,
        "signing_time": iso(s.signing_time),
        "mechanism": s.mechanism,
        "covers_whole_file": s.covers_whole_file,
        "indication": s.indication.value,
        "sub_indication": s.sub_indication.value if s.sub_indication else None,
        "checks": [_check(c) for c in s.checks],
    }


def _check(check: "Check") -> dict[str, object]:
    return {
        "name": check.name,
        "outcome": check.outcome.value,
        "clause": check.clause,
        "reason": check.reason.code if check.reason else None,
    }
