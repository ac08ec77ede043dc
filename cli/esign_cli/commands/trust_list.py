"""`esign trust-list`: for those who keep a trust list of seals: certify its keys, sign an edition, see what it says."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from esign.errors import InputError
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON, PinFd, PinFile
from esign_cli.output import iso
from esign_cli.session import session

__all__ = ["register"]

_Key = Annotated[str, typer.Option("--key", metavar="LABEL|URI", help="opt-list-key")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-trust-list", no_args_is_help=True)
    group.command("key", help="cmd-list-key")(key_)
    group.command("certify", help="cmd-list-certify")(certify)
    group.command("sign", help="cmd-list-sign")(sign)
    group.command("show", help="cmd-list-show")(show)
    app.add_typer(group, name="trust-list")


def key_(
    ctx: typer.Context,
    *,
    key: _Key,
    root: Annotated[str | None, typer.Option(metavar="NAME", help="opt-list-root")] = None,
    first: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="opt-list-first")] = 0,
    last: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="opt-list-last")] = 65535,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="opt-keys-out", readable=False)
    ] = None,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """The public half: in base64, or as the roots that verifiers are given."""
    from esign.files import write_durably
    from esign.seal.list_keys import AgencyRange, Root
    from esign.seal.roots import roots_to_json
    from esign.seal.signed_file import point_of
    from esign_cli.pins import at_work, key_ref, typing_again

    run = session(ctx)
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        ref = key_ref(workplace.config, key)
        public_key = typing_again(run.output, workplace.pin, lambda: workplace.store.key(ref)).public_key
    text = base64.b64encode(public_key).decode()
    if root is not None:
        text = roots_to_json((Root(name=root, public_key=point_of(public_key), agencies=AgencyRange(first, last)),))
    if out is None:
        run.output.raw(text)
    else:
        write_durably(out, text.encode(), private=False)
        run.output.line(str(out))
    return ExitCode.OK


def certify(  # noqa: PLR0913  # one option each
    ctx: typer.Context,
    public_key: Annotated[str, typer.Argument(metavar="BASE64", help="arg-list-public")],
    *,
    key: _Key,
    issuer: Annotated[str, typer.Option(metavar="NAME", help="opt-list-issuer")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="opt-list-cert-out", readable=False)],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="opt-list-name")] = None,
    generation: Annotated[int | None, typer.Option(metavar="N", min=0, max=65535, help="opt-list-generation")] = None,
    days: Annotated[int, typer.Option(metavar="N", min=1, max=3650, help="opt-list-days")] = 90,
    first: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="opt-list-first")] = 0,
    last: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="opt-list-last")] = 65535,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
) -> ExitCode:
    """A certificate for a list key (with a generation) or for another root (without)."""
    from esign.files import write_durably
    from esign.seal.list_keys import AgencyRange, ListKey, Root
    from esign.seal.list_keys import certify as make_certificate
    from esign.seal.signed_file import point_of
    from esign_cli.pins import at_work, key_ref, typing_again

    run = session(ctx)
    try:
        point = point_of(base64.b64decode(public_key, validate=True))
    except ValueError as e:
        raise InputError("public-key-invalid") from e
    agencies, of = AgencyRange(first, last), name or issuer
    subject = (
        Root(name=of, public_key=point, agencies=agencies)
        if generation is None
        else ListKey(name=of, public_key=point, generation=generation, agencies=agencies)
    )
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        ref = key_ref(workplace.config, key)
        signer = typing_again(run.output, workplace.pin, lambda: workplace.store.key(ref))
        now = run.now()
        data = make_certificate(subject, issuer=issuer, key=signer, issued_at=now, expires=now + timedelta(days=days))
    write_durably(out, data, private=False)
    run.output.line(str(out))
    return ExitCode.OK


def sign(  # noqa: PLR0913  # one option each
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="LIST.json", help="arg-list-source", readable=False)],
    *,
    key: _Key,
    certificate: Annotated[
        list[Path], typer.Option("--certificate", metavar="FILE", help="opt-list-certificate", readable=False)
    ],
    roots: Annotated[Path, typer.Option(metavar="FILE", help="opt-check-roots", readable=False)],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="opt-list-out", readable=False)],
    days: Annotated[int, typer.Option(metavar="N", min=1, max=3650, help="opt-list-valid")] = 30,
    pin_file: PinFile = None,
    pin_fd: PinFd = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """The next edition into a folder, after it was read back as a verifier would."""
    from esign.files import Folder
    from esign.publishing import TrustFolder
    from esign.seal.trust_parts import sign_parts
    from esign.seal.trust_source import TrustSource
    from esign_cli.pins import at_work, key_ref, typing_again
    from esign_cli.places import read_file
    from esign_cli.publication import roots_from

    run = session(ctx)
    said = TrustSource.from_json(read_file(source).decode("utf-8", "replace"))
    chain = [read_file(path) for path in certificate]
    trusted_roots, folder = roots_from(roots), TrustFolder(Folder(out))
    with at_work(run, pin_file=pin_file, pin_fd=pin_fd) as workplace:
        ref = key_ref(workplace.config, key)
        signer = typing_again(run.output, workplace.pin, lambda: workplace.store.key(ref))
        now = run.now()
        files = sign_parts(
            agencies=said.agencies,
            procedures=said.procedures,
            name=said.name,
            sequence=folder.next_sequence(said.name),
            issued_at=now,
            expires=now + timedelta(days=days),
            key=signer,
            chain=chain,
        )
    trust = folder.replace(files, trusted_roots, now)
    edition = trust.editions[said.name]
    facts = {"name": said.name, "sequence": edition.sequence, "agencies": len(trust.agencies), "files": len(files)}
    if as_json:
        run.output.json(facts | {"generation": edition.generation, "expires": iso(trust.expires)})
    else:
        run.output.line(run.output.say("list-signed", **facts))
    return ExitCode.OK


def show(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="arg-list-folder", readable=False)] = None,
    *,
    roots: Annotated[Path | None, typer.Option(metavar="FILE", help="opt-check-roots", readable=False)] = None,
    as_json: AsJSON = False,
) -> ExitCode:
    """The keys that it names, if a root stands behind it."""
    from esign_cli.publication import roots_from, trusted, trusted_folder

    run = session(ctx)
    if folder is not None and roots is not None:
        trust = trusted_folder(folder, roots_from(roots), run.now()).list
    else:
        trust = trusted(run.config(), run.now()).list
    keys = sorted(trust.seal_keys, key=lambda k: k.kid)
    if as_json:
        for k in keys:
            run.output.json(
                {
                    "kid": str(k.kid),
                    "agency_vi": k.name_vi,
                    "agency_en": k.name_en,
                    "host": k.host,
                    "not_before": iso(k.not_before),
                    "not_after": iso(k.not_after),
                    "revoked_after": iso(k.revoked_after),
                    "list_expires": iso(trust.expires),
                }
            )
        return ExitCode.OK
    rows = [(str(k.kid), k.name_vi, k.host, iso(k.not_after) or "", iso(k.revoked_after) or "—") for k in keys]
    run.output.table(("col-kid", "col-agency", "col-host", "col-until", "col-revoked"), rows)
    return ExitCode.OK
