"""A typed client of the service that retries safely.

>>> from pathlib import Path
>>> from esign.api.results import IssueRequest
>>> with Client("https://esign.example.gov.vn", agency="H26.1.2", token="…") as client:
...     request = IssueRequest(template="quyet-dinh", data={...}, procedure="1.012345", symbol="QĐ-UBND")
...     result = client.results.issue(request, key="dossier-17")

What the service refuses is raised as the library's own error, with its code and facts; `error.__cause__.problem` is
what it said, in both languages.
"""

from esign.client.client import Client
from esign.client.refusals import Refused
from esign.client.results import Results
from esign.client.retrying import Retrying
from esign.client.webhooks import WebhookEvent, verify_webhook

__all__ = ["Client", "Refused", "Results", "Retrying", "WebhookEvent", "verify_webhook"]
