"""`esign seal`: what a QR seal says, whether it is genuine, and the keys by which others can tell."""

import io
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esign.errors import Error, InputError, NotRegistered, SealError
from esign.reasons import Reason
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, PinFd, PinFile
from esign_cli.output import Colour, iso, shown
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.document import Standing
    from esign.report import Check, Outcome
    from esign.seal import SealClaims, SealKeys, SealReport

__all__ = ["read_seal", "register"]

_DPI = 200  # as a page is scanned in an office
_MOST_PAGES = 20
_MOST_PIXELS = 100_000_000

_Source = Annotated[str, typer.Argument(metavar="PDF|IMAGE|URL|DIGITS", help="arg-seal-source")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-seal", no_args_is_help=True)
    group.command("show", help="cmd-seal-show")(show)
    group.command("verify", help="cmd-seal-verify")(verify)
    group.command("keys", help="cmd-seal-keys")(keys_)
    app.add_typer(group, name="seal")


def show(ctx: typer.Context, source: _Source, *, as_json: AsJSON = False) -> ExitCode:
    """What it says, without a word on whether it is genuine."""
    from esign.seal import SealToken, split_url

    run = session(ctx)
    text, _ = read_seal(source)
    host, digits = (None, text) if text.isdigit() else split_url(text)
    token = SealToken.from_digits(digits)
    members = _members(token.claims) | {"kid": str(token.kid), "host": host}
    if as_json:
        run.output.json(members | {"checked": False})
        return ExitCode.OK
    _tell_claims(run, token.claims, host=host, kid=str(token.kid))
    run.output.note("seal-not-checked")
    return ExitCode.OK


def verify(
    ctx: typer.Context,
    source: _Source,
    *,
    keys: Annotated[Path | None, typer.Option(metavar="FILE", help="opt-seal-keys", readable=False)] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="opt-at")] = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """Whether it is genuine, belongs to this file, and what the register of this folder says."""
    from esign.seal import verify as verify_seal
    from esign_cli.commands.verify import moment

    run = session(ctx)
    when = moment(at) if at else run.now()
    text, pdf = read_seal(source)
    table = _keys(run, keys)
    report = verify_seal(text, keys=table, at=when)
    checks = report.checks if pdf is None else _in_document(run, pdf, table, when)
    findings = [c.reason for c in checks if c.reason is not None]
    code = _code({c.outcome for c in checks})
    standing = _standing(run, report)
    if standing is not None and standing.value not in ("in-force", "corrected"):
        code = ExitCode.NO
    if as_json:
        run.output.json(_verdict(report, code, findings, standing))
    else:
        _tell(run, report, code, findings, standing)
    return code


def keys_(
    ctx: typer.Context,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="opt-keys-out", readable=False)
    ] = None,
    years: Annotated[int, typer.Option(metavar="N", min=1, max=30, help="opt-keys-years")] = 5,
    name_en: Annotated[str, typer.Option(metavar="NAME", help="opt-name-en")] = "",
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """This agency's table of seal keys, for those who verify; its own keys are added from the token.

    The token is asked each time: a signing key that was changed since, and that the table does not name, would make
    every new file undecided for those who verify.
    """
    from esign.files import write_durably
    from esign_cli.pins import at_work, typing_again
    from esign_cli.seal_table import add_own_key

    run = session(ctx)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        add = lambda: add_own_key(workplace, now=run.now(), years=years, name_en=name_en)  # noqa: E731
        table = typing_again(run.output, workplace.pin, add)
    if out is None:
        run.output.raw(table.to_json())
    else:
        write_durably(out, table.to_json().encode(), private=False)
        run.output.line(str(out))
    return ExitCode.OK


def _in_document(run: Session, pdf: bytes, table: "SealKeys", at: datetime) -> "tuple[Check, ...]":
    """The checks of a seal that a PDF links to: also that it is this file's, who signs for it, what its picture says.

    Whether the signature is trusted is for the anchors of this folder to say; without them it is not decided.
    """
    from esign.verification import Verifier
    from esign_cli.trust_files import trust_store

    config = run.config_if_any()
    t = config.trust if config else None
    trust = trust_store(anchors=t.anchors, intermediates=t.intermediates, crls=t.crls) if t else trust_store()
    found = Verifier(trust=trust, seal_keys=table, now=lambda: at).inspect(pdf, at=at).seal
    assert found is not None, "it was read from there"
    return found.checks


def _code(outcomes: "set[Outcome]") -> ExitCode:
    from esign.report import Outcome

    if Outcome.FAILED in outcomes:
        return ExitCode.NO
    return ExitCode.UNDECIDED if Outcome.UNKNOWN in outcomes else ExitCode.OK


# --- reading --------------------------------------------------------------------------------------------------------


def read_seal(source: str) -> tuple[str, bytes | None]:
    """The URL or digits of the one seal in `source`, and the PDF if it is one that links to its seal."""
    if source.isascii() and source.isdigit():
        return source, None
    if source.lower().startswith("https://"):
        return source, None
    from esign_cli.places import read_file

    data = read_file(Path(source))
    is_pdf = b"%PDF-" in data[:1024]
    linked = _linked(data, source) if is_pdf else ()
    urls = linked or (_on_pages(data) if is_pdf else _in_image(data, source))
    if not urls:
        raise SealError("no-seal-found", file=source)
    if len(urls) > 1:
        raise SealError("several-seals-found", file=source, count=len(urls))
    return urls[0], data if linked else None


def _linked(pdf: bytes, source: str) -> tuple[str, ...]:
    """The seals that a PDF links to, as those that esign makes do."""
    from esign.pdf.expansion import expands_beyond
    from esign.pdf.links import seal_links

    if expands_beyond(pdf):
        raise SealError("pdf-expands-too-much", file=source)
    return tuple(dict.fromkeys(link.url for link in seal_links(pdf)))


def _on_pages(pdf: bytes) -> tuple[str, ...]:
    """The seals that can be seen on the pages of a PDF: a scan, which nothing binds to the file."""
    from esign.pdf import page_count, page_image
    from esign.seal import seal_urls

    pages = range(min(page_count(pdf), _MOST_PAGES))
    return tuple(dict.fromkeys(url for page in pages for url in seal_urls(page_image(pdf, page, _DPI))))


def _in_image(data: bytes, source: str) -> tuple[str, ...]:
    import warnings

    from PIL import Image

    from esign.seal import seal_urls

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow warns of decompression bombs before it refuses them
            with Image.open(io.BytesIO(data)) as image:
                # Before anything is decoded: a small file may hold a gigantic picture.
                small = image.width * image.height <= _MOST_PIXELS
                if small:
                    return tuple(dict.fromkeys(seal_urls(image)))
    except Error:
        raise
    except Exception as e:  # a damaged image ends in any exception of its decoder
        raise InputError("image-unreadable", file=source, problem=type(e).__name__) from e
    raise InputError("image-unreadable", file=source, problem="size")


def _keys(run: Session, given: Path | None) -> "SealKeys":
    from esign_cli.publication import known_seal_keys

    return known_seal_keys(run.config_if_any(), given, run.now())


def _standing(run: Session, report: "SealReport") -> "Standing | None":
    """What the register of this folder says of the result; None where it does not know it."""
    from esign_cli.places import has_register

    config = run.config_if_any()
    if config is None or report.token is None or not has_register(config.paths):
        return None
    from esign.registry import IntentState, Registry

    with Registry.open(config.paths.registry, now=run.now) as registry:
        try:
            intent = registry.get(report.token.claims.result_id)
        except NotRegistered:
            return None
        return registry.standing(intent.id, at=report.at).standing if intent.state is IntentState.ISSUED else None


# --- showing --------------------------------------------------------------------------------------------------------


def _members(claims: "SealClaims") -> dict[str, Any]:
    return {
        "id": str(claims.result_id),
        "number": str(claims.number),
        "procedure": str(claims.procedure),
        "issued_at": iso(claims.issued_at),
        "expires": iso(claims.expires),
        "holder": str(claims.holder) if claims.holder else None,
        "status_number": claims.status_number,
        "digest": claims.digest.hex(),
    }


def _verdict(
    report: "SealReport", code: ExitCode, findings: list[Reason], standing: "Standing | None"
) -> dict[str, Any]:
    answer = {ExitCode.OK: "good", ExitCode.NO: "bad", ExitCode.UNDECIDED: "unknown"}[code]
    members: dict[str, Any] = _members(report.token.claims) if report.token else {}
    return {
        "answer": answer,
        "authentic": report.authentic,
        "reasons": [r.code for r in findings],
        "agency": report.key.name_vi if report.key else None,
        "standing": standing.value if standing else None,
        "at": iso(report.at),
        **members,
    }


def _tell(
    run: Session, report: "SealReport", code: ExitCode, findings: list[Reason], standing: "Standing | None"
) -> None:
    out = run.output
    symbol, text, colour = {
        ExitCode.OK: ("✓", "seal-good", Colour.GOOD),
        ExitCode.NO: ("✗", "seal-bad", Colour.BAD),
        ExitCode.UNDECIDED: ("?", "seal-unknown", Colour.DOUBT),
    }[code]
    if code is ExitCode.NO and not findings:
        text = "seal-not-in-force"  # a genuine seal on a result that is over (DESIGN law 4)
    out.line(f"{symbol} {out.say(text)}", colour=colour)
    if report.token is not None:
        _tell_claims(run, report.token.claims, host=report.key.host if report.key else None, kid=str(report.token.kid))
    if report.key is not None:
        out.line(f"{out.say('col-agency')}: {report.key.name_vi}")
    word = out.say(f"standing-word-{standing.value}" if standing else "standing-word-not-asked")
    out.line(f"{out.say('col-standing')}: {word}")
    for reason in findings:
        out.line(f"- {out.explained(reason)} [{reason.code}]")
        if out.next_step(reason):
            out.line(f"  → {out.next_step(reason)}")


def _tell_claims(run: Session, claims: "SealClaims", *, host: str | None, kid: str) -> None:
    for code, value in (
        ("col-number", str(claims.number)),
        ("col-id", str(claims.result_id)),
        ("col-procedure", str(claims.procedure)),
        ("col-issued", shown(claims.issued_at)),
        ("col-expires", shown(claims.expires) if claims.expires else ""),
        ("col-holder", str(claims.holder) if claims.holder else ""),
        ("col-host", host or ""),
        ("col-kid", kid),
    ):
        if value:
            run.output.line(f"{run.output.say(code)}: {value}")
