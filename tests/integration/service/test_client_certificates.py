"""Client certificates from end to end: nginx ends TLS and checks them, `esign serve` knows whose they are.

And forged ones: a header that somebody sends themselves, through the proxy or around it, is nobody's.
"""

import hashlib
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from cryptography import x509

from tests.integration.service.test_serve import AGENCY, Running, environment, serving
from tests.support.nginx import ADDRESS, terminating_tls
from tests.support.pki import PKI, der, pem
from tests.support.service import problem, wanted
from tests.support.softhsm import softhsm_module
from tests.support.tls import client_pem, server_pem
from tests.support.waiting import LONG

pytestmark = pytest.mark.softhsm
HEADER = "X-SSL-Client-Cert"
_TOML = """
[access.proxy]
header = "{header}"
peers = ["{address}"]
[[access.proxy.certificates]]
name = "gateway"
sha256 = "{sha256}"
roles = ["signer", "auditor"]
person = "cb-017"
"""


@dataclass
class Front:
    """A proxy with a service behind it, and clients of both."""

    url: str
    service: Running
    authorities: Path
    folder: Path

    def client(self, certificate: str = "") -> httpx.Client:
        """Through the proxy, perhaps with a certificate."""
        context = ssl.create_default_context(cafile=self.authorities)
        if certificate:
            context.load_cert_chain(self.folder / f"{certificate}.pem")
        return httpx.Client(base_url=self.url, verify=context, timeout=LONG)

    def around(self) -> httpx.Client:
        """To the service itself, from this host."""
        return httpx.Client(base_url=self.service.url, timeout=LONG)

    def shown(self, certificate: str) -> dict[str, str]:
        """The header as the proxy would set it."""
        text = (self.folder / f"{certificate}.pem").read_text("ascii").partition("-----BEGIN PRIVATE")[0]
        return {HEADER: quote(text, safe="")}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    softhsm_module()
    folder, strangers = tmp_path_factory.mktemp("front"), PKI.create()
    pki = PKI.create()
    (folder / "authorities.pem").write_bytes(pem([pki.root.certificate]))
    for name, authority in {"gateway": pki.root, "other": pki.root, "stranger": strangers.root}.items():
        client_pem(authority, folder / f"{name}.pem", name)
    office = folder / "office"
    command = [sys.executable, "-m", "esign_cli", "--lang", "en", "init", str(office), "--demo"]
    subprocess.run(command, env=environment(folder / "state"), check=True, capture_output=True, timeout=300)
    pinned = hashlib.sha256(der(x509.load_pem_x509_certificate((folder / "gateway.pem").read_bytes()))).hexdigest()
    text = (office / "esign.toml").read_text("utf-8").replace("proxies = []", f'proxies = ["{ADDRESS}"]')
    text += _TOML.format(header=HEADER, address=ADDRESS, sha256=pinned)
    (office / "esign.toml").write_text(text, "utf-8")
    certificate = server_pem(pki.root, folder / "server.pem")
    with serving(office) as service:
        port = urlsplit(service.url).port
        assert port is not None
        authorities = folder / "authorities.pem"
        with terminating_tls(port, certificate=certificate, clients=authorities) as url:
            yield Front(url=url, service=service, authorities=authorities, folder=folder)


def asked(client: httpx.Client, **given: Any) -> httpx.Response:
    with client:
        return client.get(f"{AGENCY}/results", **given)


def test_whose_certificate_is_pinned_comes_in(front: Front) -> None:
    with front.client("gateway") as client:
        made = client.post(f"{AGENCY}/results", json=wanted(), headers={"Idempotency-Key": "mtls-1"})
        assert made.status_code == 201, made.text
        entries = client.get(f"{AGENCY}/audit", params={"object": made.json()["id"]}).json()["entries"]
        assert {entry["actor"] for entry in entries} == {"mtls:gateway+cb-017"}


def test_whose_is_not_stays_outside(front: Front) -> None:
    problem(asked(front.client("other")), 401, "credentials-rejected")
    problem(asked(front.client()), 401, "not-authenticated")
    refused = asked(front.client("stranger"))
    assert refused.status_code == 400, "by the proxy: no authority of ours vouches for it"
    assert "nginx" in refused.text


# Each is tried twice: who fails more than twenty times at once has to wait.
FORGED: dict[str, Callable[[str], list[tuple[str, str]]]] = {
    "the header": lambda shown: [(HEADER, shown)],
    "in capitals": lambda shown: [(HEADER.upper(), shown)],
    "twice": lambda shown: [(HEADER, shown), (HEADER, shown)],
    "with underscores": lambda shown: [(HEADER.replace("-", "_"), shown)],
    "the standard's": lambda shown: [("Client-Cert", shown)],
    "with a hop": lambda shown: [("Connection", f"close, {HEADER}"), (HEADER, shown)],
    "with addresses": lambda shown: [
        (HEADER, shown),
        ("X-Forwarded-For", ADDRESS),
        ("X-Real-IP", ADDRESS),
        ("Forwarded", f"for={ADDRESS}"),
    ],
}


@pytest.mark.parametrize("how", FORGED)
def test_a_header_that_a_client_sends_itself_is_nothing(front: Front, how: str) -> None:
    headers = FORGED[how](front.shown("gateway")[HEADER])
    problem(asked(front.around(), headers=headers), 401, "not-authenticated")
    problem(asked(front.client(), headers=headers), 401, "not-authenticated")


def test_a_header_does_not_take_the_place_of_another_certificate(front: Front) -> None:
    problem(asked(front.client("other"), headers=front.shown("gateway")), 401, "credentials-rejected")


def test_from_the_proxys_own_address_it_would_be_believed(front: Front) -> None:
    """So the attempts above fail for the address alone, and not because what they show is wrong."""
    transport = httpx.HTTPTransport(local_address=ADDRESS)
    with httpx.Client(base_url=front.service.url, transport=transport, timeout=LONG) as client:
        assert client.get(f"{AGENCY}/results", headers=front.shown("gateway")).status_code == 200
