"""`esign serve`: the service over HTTP; with `--demo` from an empty folder to its first page in one command."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from esign.errors import ConfigurationError
from esign_cli.exits import ExitCode
from esign_cli.session import Session, session

if TYPE_CHECKING:
    from esign.service.checkup import Checkup
    from esign.service.metrics import Metrics
    from esign_cli.config import Config

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve", help="cmd-serve")(serve)


def serve(
    ctx: typer.Context,
    configs: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE|DIR]...", help="arg-serve-configs", readable=False)
    ] = None,
    *,
    public: Annotated[bool, typer.Option("--public", help="opt-serve-public")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="opt-serve-demo")] = False,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="opt-serve-host")] = None,
    port: Annotated[int | None, typer.Option(metavar="PORT", min=0, max=65535, help="opt-serve-port")] = None,
    metrics_port: Annotated[
        int | None, typer.Option(metavar="PORT", min=0, max=65535, help="opt-serve-metrics-port")
    ] = None,
) -> ExitCode:
    """Serve until SIGTERM comes."""
    try:
        from esign.service.app import create_app
        from esign.service.logs import write_json
        from esign.service.server import serve as answer
        from esign.service.telemetry import traced
        from esign_cli.serving import Serving
    except ImportError as e:
        raise ConfigurationError("extra-missing", extra="service") from e
    from esign_hsm.pin import protect_process

    run = session(ctx)
    protect_process()
    typed = {"host": host, "port": port, "metrics_port": metrics_port}
    if demo and not public:
        _prepare_demo(ctx, configs[0] if configs else Path())
    first, *others = _configs(run, configs)
    first = _overridden(first, {name: value for name, value in typed.items() if value is not None})
    if public:
        return _serve_public(run, first)
    with Serving([first, *others], now=run.now) as serving:
        listening = serving.listening
        app = create_app(serving.parts)
        address = f"{listening.host}:{listening.port}"
        _tell(run, first, address, key=serving.trial_key() if demo else None, has_keys=serving.has_keys)
        write_json()
        inside = _inside(serving.parts.metrics, serving.inside, host=listening.host, port=serving.metrics_port)
        with inside, traced(app, first.service.telemetry) as watched:
            answer(watched, listening)
    return ExitCode.OK


def _overridden(config: "Config", typed: dict[str, Any]) -> "Config":
    """`config` with what the command line says otherwise."""
    from dataclasses import replace

    return replace(config, service=replace(config.service, **typed))


def _serve_public(run: Session, config: "Config") -> ExitCode:
    """Without token, PIN or writing to the register."""
    from esign.service.app import create_public_app
    from esign.service.logs import write_json
    from esign.service.server import serve as answer
    from esign.service.telemetry import traced
    from esign_cli.serving_public import PublicServing, listening_of

    with PublicServing(config, now=run.now) as serving:
        listening = listening_of(config)
        app = create_public_app(serving.public, checkup=serving.checkup, metrics=serving.metrics)
        run.output.note("serve-at", url=f"http://{listening.host}:{listening.port}")
        write_json()
        port = config.service.metrics_port
        inside = _inside(serving.metrics, serving.inside, host=listening.host, port=port)
        with inside, traced(app, config.service.telemetry) as watched:
            answer(watched, listening)
    return ExitCode.OK


def _inside(metrics: "Metrics", checkup: "Checkup", *, host: str, port: int) -> "AbstractContextManager[object]":
    from esign.service.inside import served_inside

    return served_inside(metrics, checkup, host=host, port=port) if port else nullcontext()


def _configs(run: Session, places: list[Path] | None) -> "list[Config]":
    """The configurations that were named, or the one of this working folder."""
    from esign_cli.config import FILE_NAME, Config

    if not places:
        return [run.config()]
    return [Config.load(place / FILE_NAME if place.is_dir() else place) for place in places]


def _prepare_demo(ctx: typer.Context, folder: Path) -> None:
    """A working folder with a development token and a trial certificate, where there is none yet."""
    from esign_cli.commands.init import init
    from esign_cli.config import FILE_NAME

    if not (folder / FILE_NAME).exists():
        init(ctx, folder, demo=True)


def _tell(run: Session, config: "Config", address: str, *, key: str | None, has_keys: bool) -> None:
    url = f"http://{address}"
    run.output.note("serve-at", url=url)
    if not has_keys:
        run.output.note("serve-no-key", agency=config.agency.code)
    if key is not None:
        run.output.note("serve-key", key=key)
        run.output.note("serve-demo", url=url)
        for line in _first_result(f"{url}/v1/agencies/{config.agency.code}/results", key):
            run.output.line(line)


def _first_result(address: str, key: str) -> tuple[str, ...]:
    """The command that issues a first result, with the data that come with a template."""
    import json

    from esign.pdf import load

    asked = {"template": "quyet-dinh", "data": load("quyet-dinh").sample, "procedure": "1.012345", "symbol": "QĐ-UBND"}
    return (
        f"curl -s {address} \\",
        f"  -H 'Authorization: Bearer {key}' \\",
        "  -H \"Idempotency-Key: $(date +%s)\" -H 'Content-Type: application/json' \\",
        f"  -d '{json.dumps(asked, ensure_ascii=False)}'",
    )
