"""Four eyes: what waits for a second person, and their decision on exactly these bytes."""

from esign.api.access import ApprovalRequest, Decision, Waiting, WaitingList
from esign.client.part import Part

__all__ = ["Approvals"]


class Approvals(Part):
    """Prepared documents and decisions on them."""

    def waiting(self) -> tuple[Waiting, ...]:
        """What waits, oldest first."""
        return tuple(self._get("/approvals").to(WaitingList).waiting)

    def document(self, waiting: Waiting) -> bytes:
        """The prepared document, byte for byte what the agency's key is about to sign.

        Raises:
            NetworkError: `document-differs`: it is not the one that `waiting` is about.
        """
        return self._document(f"/approvals/{waiting.id}/document", digest=waiting.sha256)

    def decide(self, waiting: Waiting, *, approved: bool, why: str = "") -> Decision:
        """Approve it, or refuse it, which gives it up; an approval counts for these bytes alone.

        Raises:
            ServiceError: `not-permitted`, also for whoever asked for the result.
        """
        made = ApprovalRequest(sha256=waiting.sha256, approved=approved, why=why)
        return self._post(f"/approvals/{waiting.id}", made).to(Decision)
