"""What issuing works with, one result at a time (`esign.issuance`) or many (`esign.line`)."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from esign.admission import Admission
from esign.completion import Completion
from esign.composition import Composer
from esign.consent import Consent
from esign.delivery import Delivery, hand_over
from esign.errors import Error, KeyStoreError, RegistryError
from esign.intake import Intake
from esign.issued import Issued
from esign.preparation import Preparation
from esign.profile import IssuanceProfile
from esign.reasons import Reason
from esign.registry import Intent, Registry
from esign.steps import OnStep
from esign.workbench import Workbench

__all__ = ["Equipment"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """The parts, each made once."""

    profile: IssuanceProfile
    """How it issues."""
    registry: Registry
    """What is recorded."""
    bench: Workbench
    """What is being made, and what was signed."""
    composer: Composer
    """Pages, seals and appearances."""
    admission: Admission
    """What is examined before."""
    intake: Intake
    """What examines requests and records them."""
    preparation: Preparation
    """What fixes the bytes that are signed."""
    completion: Completion
    """What follows a signature."""
    consent: Consent | None
    """Who is asked before the agency's key signs; None where nobody is."""
    delivery: Delivery | None
    """Where files go; None leaves them to the caller."""
    now: Callable[[], datetime]
    """The time."""
    on_step: OnStep
    """Who hears of finished steps."""

    def deliver(self, issued: Issued) -> str:
        """Hand the file over; where it is then.

        Raises:
            DeliveryFailed: `delivery-failed`; the result is issued, and `resume` will deliver it again.
        """
        if self.delivery is None:
            return "caller"
        return hand_over(issued.pdf, to=self.delivery, result_id=issued.id, number=issued.number)

    @contextmanager
    def voiding(self, intent: Intent) -> Iterator[None]:
        """An error in here would come again each time: give the intent up, keep its number explained, say why.

        A token or a disk that fails is not such an error: that intent waits for the next attempt.
        """
        try:
            yield
        except Error as e:
            if isinstance(e, KeyStoreError | RegistryError) and e.code != "file-already-registered":
                raise
            _logger.warning("void %s: %s", intent.id, e.code)
            self.registry.void(intent.id, reason=Reason(e.code, e.reason.facts))
            self.bench.forget(intent, archived=True)
            raise
