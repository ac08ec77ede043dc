"""A worker at an office of the tests, and what it works on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from esign.codes import AgencyCode
from esign.files import Folder
from esign.issuance import Issuer
from esign.line import Line
from esign.registry import Batch
from esign.request import Request
from esign.work import BatchIntake, BatchSpool, BatchWork, Chore, Worker
from tests.support.office import Office
from tests.support.waiting import LONG

PORTAL = "key:portal"
CHIEF = "key:chief"


@dataclass(frozen=True)
class WorkOffice:
    """What a worker sees of an office."""

    code: AgencyCode
    profile: str
    line: Line


@dataclass
class Workroom:
    """An office, and what its worker is made of."""

    office: Office
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def spool(self) -> BatchSpool:
        return BatchSpool(Folder(self.office.folder / "spool"))

    def issuer(self) -> Issuer:
        return self.office.issuer(**self.changes)

    def worker(
        self,
        *,
        hands: int = 2,
        together: int = 16,
        chores: tuple[Chore, ...] = (),
        issuer: Issuer | None = None,
    ) -> Worker:
        issuer = issuer or self.issuer()
        code = self.office.agency.code
        return Worker(
            [WorkOffice(code, self.office.profile.name, Line(issuer))],
            registry=self.office.registry,
            batches={code: self.batch_work(issuer)},
            chores=chores,
            hands=hands,
            together=together,
            look=timedelta(milliseconds=50),
        )

    def batch_work(self, issuer: Issuer | None = None) -> BatchWork:
        return BatchWork(
            registry=self.office.registry,
            spool=self.spool,
            issuer=issuer or self.issuer(),
            agency=self.office.agency.code,
            profile=self.office.profile.name,
        )

    def batch(self, requests: list[Request], *, key: str = "batch", by: str = PORTAL, rows_at_once: int = 8) -> Batch:
        code, profile = self.office.agency.code, self.office.profile.name
        with BatchIntake(
            self.office.registry, self.spool, agency=code, profile=profile, rows_at_once=rows_at_once
        ) as intake:
            for each in requests:
                intake.add(each)
            return intake.submit(key=key, by=by)

    def authorise(self, batch: Batch, *, by: str = CHIEF) -> Batch:
        return self.office.registry.batches.authorise(batch.id, agency=batch.agency, root=batch.root, by=by)


@contextmanager
def working(worker: Worker) -> Iterator[threading.Event]:
    """The worker at work, which has gone home afterwards."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(LONG)
        assert not thread.is_alive()
