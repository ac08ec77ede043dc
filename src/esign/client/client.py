"""The service of one agency, as a Python program calls it."""

import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from esign.client.approvals import Approvals
from esign.client.batches import Batches
from esign.client.endpoints import Webhooks
from esign.client.keys import AccessKeys
from esign.client.officials import Officials
from esign.client.results import Results
from esign.client.retrying import Retrying
from esign.client.standings import Standings
from esign.client.trail import Audit
from esign.client.transport import Transport
from esign.client.verifications import Verifications
from esign.client.work import Work
from esign.codes import AgencyCode
from esign.errors import InputError
from esign.texts import Language

__all__ = ["Client"]


class Client:
    """The service of one agency; safe to use from several threads, and closed when done.

    >>> with Client("https://esign.example.gov.vn", agency="H26.1.2", token=Path("token").read_text()) as client:
    ...     result = client.results.issue(IssueRequest(...), key="dossier-17")
    ...     client.results.save(result.id, Path("result.pdf"))
    """

    def __init__(
        self,
        url: str,
        *,
        agency: AgencyCode | str,
        token: str | None = None,
        retrying: Retrying | None = None,
        language: Language = "vi",
        certificate: tuple[Path, Path] | None = None,
        authorities: Path | None = None,
    ) -> None:
        """`token` is an API key or a bearer token.

        `certificate` (and its key) says who calls, where a proxy asks for one. `authorities` is the file of root
        certificates that the service's own is checked against; without it those of the system.

        Raises:
            InputError: `service-url-insecure`: the token would be sent in the clear.
        """
        address = httpx.URL(url)
        if address.scheme != "https" and token is not None and address.host not in _HERE:
            raise InputError("service-url-insecure", host=address.host)
        headers = {"Accept-Language": language, "User-Agent": "esign-client"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.strip()}"
        context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
        if certificate is not None:
            context.load_cert_chain(*map(str, certificate))
        self._http = httpx.Client(base_url=address, headers=headers, verify=context)
        transport = Transport(self._http, retrying=retrying or Retrying())
        place = f"/v1/agencies/{AgencyCode.parse(str(agency))}"
        self.results = Results(transport, place)
        self.standings = Standings(transport, place)
        self.officials = Officials(transport, place)
        self.verifications = Verifications(transport, place)
        self.approvals = Approvals(transport, place)
        self.keys = AccessKeys(transport, place)
        self.audit = Audit(transport, place)
        self.batches = Batches(transport, place)
        self.webhooks = Webhooks(transport, place)
        self.work = Work(transport, place)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
