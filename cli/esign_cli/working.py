"""Builds workers from one or several `esign.toml`: one for each register, with the chores that go by the clock.

>>> with ServedWorkplace(config, now=clock, metrics=metrics) as workplace:
...     for worker in workers([workplace], now=clock):
...         worker.run(stop)
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

from esign.webhooks import WebhookDesk, WebhookKey, WebhookSender
from esign.work import BatchSpool, BatchWork, Chore, Worker
from esign_cli.alone import alone
from esign_cli.places import files_at

if TYPE_CHECKING:
    from esign_cli.config import Config
    from esign_cli.serving import ServedWorkplace
    from esign_cli.wiring import Workplace

_logger = logging.getLogger(__name__)
__all__ = ["batch_spool", "kept_working", "told_to_stop", "webhook_desk", "webhook_key", "workers"]

_SWEEP, _DAY = timedelta(hours=1), timedelta(days=1)
_LOOK = timedelta(seconds=2)


def workers(workplaces: "Sequence[ServedWorkplace]", *, now: Callable[[], datetime]) -> tuple[Worker, ...]:
    """A worker for each register of `workplaces`."""
    by_register: dict[str, list[ServedWorkplace]] = {}
    for workplace in workplaces:
        by_register.setdefault(str(workplace.registry.place), []).append(workplace)
    return tuple(_worker(sharing, now=now) for sharing in by_register.values())


def _worker(workplaces: "Sequence[ServedWorkplace]", *, now: Callable[[], datetime]) -> Worker:
    first = workplaces[0]
    batches = {w.config.agency.code: _batch_work(w) for w in workplaces}
    chores = [_webhooks(workplace, now=now) for workplace in workplaces]
    for workplace in workplaces:
        chores += _chores(workplace, batches[workplace.config.agency.code], now=now)
    return Worker(
        [workplace.office for workplace in workplaces],
        registry=first.registry,
        batches=batches,
        chores=chores,
        hands=first.config.work.hands,
    )


def _batch_work(workplace: "ServedWorkplace") -> BatchWork:
    office = workplace.office
    return BatchWork(
        registry=office.registry,
        spool=batch_spool(workplace.config),
        issuer=office.issuer,
        agency=office.code,
        profile=office.profile,
    )


def batch_spool(config: "Config") -> BatchSpool:
    """Where the requests of batches wait."""
    return BatchSpool(files_at(config.paths.spool))


# --- chores ----------------------------------------------------------------------------------------------------------


def _chores(workplace: "ServedWorkplace", batches: BatchWork, *, now: Callable[[], datetime]) -> Iterator[Chore]:
    config, registry = workplace.config, workplace.registry
    code, minutes = config.agency.code, config.work

    def sweep(_stop: threading.Event) -> None:
        workplace.office.issuer.equipment.bench.sweep((*registry.unfinished(), *registry.waiting()))
        batches.sweep()

    yield Chore(name=f"sweep {code}", every=_SWEEP, work=sweep, alone=alone(registry, f"sweep {code}"))
    yield Chore(
        name=f"archive {code}",
        every=_DAY,
        work=lambda _stop: _sweep_archive(workplace, now),
        alone=alone(registry, f"archive {code}"),
    )
    if workplace.augmenter is not None:
        upgrader = workplace.upgrader()

        def upgrade(stop: threading.Event) -> None:
            for _upgraded in upgrader.run():
                if stop.is_set():
                    return

        yield Chore(name=f"upgrades {code}", every=timedelta(minutes=minutes.upgrade_minutes), work=upgrade)
    if config.status is not None:
        yield Chore(
            name=f"status {code}",
            every=timedelta(minutes=minutes.publish_minutes),
            work=lambda _stop: _publish(workplace, now),
        )


def _sweep_archive(workplace: "ServedWorkplace", now: Callable[[], datetime]) -> None:
    """Nothing is removed for a register that may be an old one."""
    from esign.recovery import sweep_orphans
    from esign_cli.recovery import refuse_behind_files, refuse_without_anchors

    refuse_without_anchors(workplace)
    refuse_behind_files(workplace, now=now, everything=True)
    for name in sweep_orphans(workplace.registry, files_at(workplace.config.paths.archive), now=now):
        _logger.info("removed %s, which was never registered", name)


def _publish(workplace: "ServedWorkplace", now: Callable[[], datetime]) -> None:
    from esign_cli.publication import publisher, store_at

    assert workplace.config.status is not None
    store = store_at(workplace.config.status.target)
    publisher(workplace, store=store, now=now, key=workplace.status_key()).publish()


def _webhooks(workplace: "Workplace", *, now: Callable[[], datetime]) -> Chore:
    """Each agency's by itself: signed with its own key, sent only to where its own network may go."""
    config, agency = workplace.config, workplace.config.agency.code
    sender: list[WebhookSender] = []

    def send(stop: threading.Event) -> None:
        if not sender:  # the key is made when somebody is told for the first time
            if not workplace.registry.endpoints.of(agency):
                return
            sender.append(
                WebhookSender(
                    registry=workplace.registry,
                    client=workplace.network,
                    key=webhook_key(config),
                    now=now,
                    agency=agency,
                    public_url=config.webhooks.public_url,
                    deadline=timedelta(seconds=config.webhooks.deadline_seconds),
                )
            )
        sender[0].send(stop)

    return Chore(name=f"webhooks {agency}", every=_LOOK, work=send, wait=workplace.registry.wait_for_work)


def webhook_key(config: "Config") -> WebhookKey:
    """What the secrets of receivers come from.

    Raises:
        ConfigurationError: `webhook-key-unreadable`, `webhook-key-invalid`.
    """
    return WebhookKey.load(config.webhooks.key or config.path.parent / "webhooks.key")


def webhook_desk(workplace: "Workplace") -> WebhookDesk:
    """Where those who are told are looked after.

    Raises:
        ConfigurationError: As `webhook_key`.
    """
    return WebhookDesk(registry=workplace.registry, client=workplace.network, key=lambda: webhook_key(workplace.config))


# --- running ---------------------------------------------------------------------------------------------------------


@contextmanager
def kept_working(workers: Sequence[Worker]) -> Iterator[None]:
    """The workers at work inside; what is in hand at the end is finished."""
    stop = threading.Event()
    threads = [threading.Thread(target=worker.run, args=(stop,), name="esign-worker") for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """Set once SIGTERM or Ctrl-C comes; a second one ends the process at once, and the next worker repairs that."""
    stop = threading.Event()

    def told(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
