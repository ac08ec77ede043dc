"""Work: what is left for workers, what failed, and who works."""

from esign.api.work import UnfinishedTask, WorkStatus
from esign.client.part import Part

__all__ = ["Work"]


class Work(Part):
    """What the workers of one agency have to do."""

    def status(self) -> WorkStatus:
        """What is left."""
        return self._get("/work").to(WorkStatus)

    def retry(self, result: str) -> UnfinishedTask:
        """Let workers try again what was set aside."""
        return self._post(f"/results/{result}/retry").to(UnfinishedTask)
