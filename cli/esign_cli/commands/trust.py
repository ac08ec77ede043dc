"""`esign trust`: authorities that are known, and those that are trusted; one never becomes the other by itself."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from esign.errors import InputError
from esign_cli.exits import ExitCode
from esign_cli.options import AsJSON
from esign_cli.output import Colour, iso
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.trust import TrustStore
    from esign.trust.known import KnownAuthority
    from esign_cli.config import Config

__all__ = ["register"]

_FOLDER = "trust"

Sha256 = Annotated[str | None, typer.Option("--sha256", metavar="HEX", help="opt-trust-sha256")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="cmd-trust", no_args_is_help=True)
    group.command("list", help="cmd-trust-list-authorities")(list_)
    group.command("show", help="cmd-trust-show")(show)
    group.command("fetch", help="cmd-trust-fetch")(fetch)
    group.command("add", help="cmd-trust-add")(add)
    app.add_typer(group, name="trust")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Authority:
    """One row: known, trusted, or both."""

    id: str
    name: str
    sha256: str
    world: str
    generation: str
    role: str
    trusted: bool


def list_(ctx: typer.Context, *, as_json: AsJSON = False) -> ExitCode:
    """What is known and what is trusted."""
    run = session(ctx)
    for row in _authorities(_store(run.config_if_any())):
        if as_json:
            run.output.json({name: getattr(row, name) for name in row.__slots__})
            continue
        mark, colour = ("✓", Colour.GOOD) if row.trusted else ("·", "")
        where = " ".join(filter(None, (row.world, row.generation, row.role)))
        run.output.line(f"{mark} {row.id:12} {row.name} ({where})", colour=colour)
    if not as_json:
        run.output.note("trust-legend")
    return ExitCode.OK


def _authorities(store: "TrustStore") -> list[_Authority]:
    """Those of the list first, then what else this office trusts."""
    from esign.trust.known import KnownAuthorities

    trusted = {hashlib.sha256(der).hexdigest() for der in (*(a.der for a in store.anchors), *store.intermediates)}
    known = KnownAuthorities.vietnam().entries
    rows = [
        _Authority(
            id=e.id,
            name=e.name,
            sha256=e.sha256,
            world=e.world,
            generation=e.generation,
            role=e.role,
            trusted=e.sha256 in trusted,
        )
        for e in known
    ]
    mine = {e.sha256 for e in known}
    for der, role in (*((a.der, "root") for a in store.anchors), *((c, "intermediate") for c in store.intermediates)):
        facts = _facts(der)
        if facts.sha256 not in mine:
            rows.append(
                _Authority(
                    id=facts.sha256[:12],
                    name=facts.name,
                    sha256=facts.sha256,
                    world="",
                    generation="",
                    role=role,
                    trusted=True,
                )
            )
    return rows


def show(
    ctx: typer.Context,
    authority: Annotated[str, typer.Argument(metavar="ID|FILE", help="arg-trust-authority")],
    *,
    as_json: AsJSON = False,
) -> ExitCode:
    """One authority, of the list or in a file."""
    run = session(ctx)
    file = Path(authority)
    if file.is_file():
        from esign.trust import certificates
        from esign_cli.places import read_file

        for der in certificates(read_file(file)):
            _show_certificate(run, _facts(der), as_json=as_json)
        return ExitCode.OK
    entry = _entry(authority)
    if as_json:
        run.output.json({name: getattr(entry, name) for name in entry.__slots__})
        return ExitCode.OK
    out = run.output
    out.line(entry.name)
    out.line(f"  {out.say('trust-world')}: {entry.world} {entry.generation} {entry.role} {entry.years}".rstrip())
    out.line(f"  {out.say('trust-place')}: {entry.url}")
    out.line(f"  SHA-256: {_spaced(entry.sha256) or out.say('trust-unpinned')}")
    out.line(f"  {out.say('trust-evidence')}: {out.say('trust-evidence-' + entry.evidence.lower())}")
    return ExitCode.OK


def fetch(
    ctx: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="arg-trust-ids")],
    *,
    sha256: Sha256 = None,
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="opt-trust-into", readable=False)] = Path(),
) -> ExitCode:
    """Bring certificates home, each only under its fingerprint."""
    from esign.files import write_durably
    from esign_cli import network
    from esign_cli.config.network import NetworkSection

    run = session(ctx)
    if sha256 is not None and len(ids) != 1:
        raise InputError("fingerprint-for-one", count=len(ids))
    config = run.config_if_any()
    client = network.client(config.network if config else NetworkSection(), now=run.now)
    for entry in map(_entry, ids):
        der = (entry.pinned(sha256) if sha256 else entry).fetch(client)
        into.mkdir(parents=True, exist_ok=True)
        place = into / f"{entry.id}.crt"
        write_durably(place, der, private=False)
        run.output.line(str(place))
    run.output.note("trust-fetched")
    return ExitCode.OK


def add(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="arg-trust-file", readable=False)],
    *,
    sha256: Sha256 = None,
) -> ExitCode:
    """Trust a root, or keep an issuing certificate at hand; the operator compares the fingerprint."""
    from esign.trust import certificates
    from esign_cli.places import read_file

    run = session(ctx)
    config = run.config()
    for der in certificates(read_file(file)):
        facts = _facts(der)
        given = (sha256 or "").replace(":", "").replace(" ", "").lower()
        if given and given != facts.sha256:
            raise InputError("fingerprint-differs", name=facts.name, expected=given, found=facts.sha256)
        if not given:
            _show_certificate(run, facts, as_json=False)
            if not run.output.confirm("trust-confirm"):
                raise InputError("fingerprint-not-confirmed", name=facts.name)
        _keep(config, der, facts)
        run.output.note("trust-added-root" if facts.is_root else "trust-added-intermediate", name=facts.name)
    return ExitCode.OK


def _keep(config: "Config", der: bytes, facts: "_Facts") -> None:
    """The certificate beside the configuration, and its place in it."""
    import tomlkit

    from esign.files import write_durably
    from esign_cli.places import read_file

    folder = config.path.parent
    relative = f"{_FOLDER}/{facts.sha256[:16]}.crt"
    (folder / _FOLDER).mkdir(mode=0o700, exist_ok=True)
    write_durably(folder / relative, der, private=False)
    document = tomlkit.parse(read_file(config.path).decode("utf-8"))
    section = document.setdefault("trust", tomlkit.table())
    places = section.setdefault("anchors" if facts.is_root else "intermediates", tomlkit.array())
    if relative not in places:
        places.append(relative)
        write_durably(config.path, tomlkit.dumps(document).encode(), private=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What a person compares."""

    name: str
    sha256: str
    since: datetime
    until: datetime
    is_root: bool


def _facts(der: bytes) -> _Facts:
    from esign.trust import TrustAnchor
    from esign.trust.certificate import parse_certificate

    certificate = parse_certificate(der)
    return _Facts(
        name=TrustAnchor(der).name,
        sha256=certificate.sha256,
        since=certificate.not_before,
        until=certificate.not_after,
        is_root=certificate.is_self_issued,
    )


def _show_certificate(run: Session, facts: _Facts, *, as_json: bool) -> None:
    out = run.output
    if as_json:
        out.json(
            {"name": facts.name, "sha256": facts.sha256, "since": iso(facts.since), "until": iso(facts.until)}
            | {"root": facts.is_root}
        )
        return
    out.line(facts.name)
    out.line(f"  SHA-256: {_spaced(facts.sha256)}")
    out.line(f"  {facts.since:%d.%m.%Y} – {facts.until:%d.%m.%Y}")


def _spaced(digits: str) -> str:
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4)).upper()


def _entry(name: str) -> "KnownAuthority":
    from esign.trust.known import KnownAuthorities

    return KnownAuthorities.vietnam().find(name)


def _store(config: "Config | None") -> "TrustStore":
    from esign_cli.trust_files import trust_store

    if config is None:
        return trust_store()
    return trust_store(anchors=config.trust.anchors, intermediates=config.trust.intermediates)
