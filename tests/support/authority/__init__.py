"""A test PKI that answers over real HTTP on 127.0.0.1: certificates, CRL, OCSP and time-stamps as of an injected time.

certomancer plays the authorities that `pki.yml` describes; keys are made when it starts, P-256 unless a label ends in
`-rsa`, `-rsa1024`, `-p384` or `-ed25519`.

    with Authorities.start(tmp_path, now=NOW) as pki:
        pki.certificate("signer"), pki.key("signer"), pki.chain("signer")    # DER, a key of `cryptography`, DERs
        pki.tsa("tsa"), pki.ocsp("issuing"), pki.crl("issuing"), pki.issuer("issuing")    # URLs
        pki.trust("root")                                                     # a TrustStore, anchors only
        pki.clock.now = datetime(2036, 1, 1, tzinfo=UTC)                      # every answer from here on is as of then

Some services are wrong on purpose; `pki.yml` and `SHIFTS` say which. `fixture` in conftest: `authorities`.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import yaml
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from certomancer.integrations.animator import Animator, AnimatorArchStore
from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig, PKIArchitecture, ServiceLabel
from certomancer.services import RevocationInfoInterface
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from esign.trust import TrustAnchor, TrustStore

__all__ = ["NOW", "SHIFTS", "Authorities", "Clock", "PrivateKey"]

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

SHIFTS: dict[tuple[str, str], timedelta] = {
    ("ocsp", "stale"): timedelta(days=-60),
    ("ocsp", "ahead"): timedelta(days=2),
    ("tsa", "ahead"): timedelta(hours=3),
    ("tsa", "behind"): timedelta(hours=-3),
}
"""Services with a wrong clock: (`ocsp`, `tsa` or `crls`; label) and by how much."""

NOW = datetime(2026, 11, 21, 3, 32, 58, tzinfo=UTC)
"""The time of the office."""

_ARCHITECTURE = "office"
_DESCRIPTION = Path(__file__).with_name("pki.yml")


@dataclass
class Clock:
    """The time of this world; set `now` to travel."""

    now: datetime


@dataclass
class Authorities:
    """The running PKI."""

    url: str
    clock: Clock
    requests: list[str] = field(default_factory=list)
    """Every path that was asked for, in order."""
    _pki: PKIArchitecture = field(repr=False, kw_only=True)

    @classmethod
    @contextmanager
    def start(cls, folder: Path, *, now: datetime, description: Path = _DESCRIPTION) -> Iterator["Authorities"]:
        """Serve the PKI of `description` until the block ends; its keys are written below `folder`."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            found = cls(url, Clock(now), _pki=_architecture(folder, description, url))
            application = _Services(found)
            server = make_server(
                "127.0.0.1", 0, application, threaded=True, fd=listener.fileno(), request_handler=_QuietHandler
            )
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            try:
                yield found
            finally:
                server.shutdown()
                thread.join()
                server.server_close()

    def certificate(self, label: str) -> bytes:
        """A certificate of `pki.yml`, DER."""
        der: bytes = self._pki.get_cert(CertLabel(label)).dump()
        return der

    def key(self, label: str) -> PrivateKey:
        """The private key of a certificate's subject."""
        spec = self._pki.get_cert_spec(CertLabel(label))
        key = load_der_private_key(self._pki.key_set.get_private_key(spec.subject_key).dump(), None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey)
        return key

    def chain(self, label: str) -> tuple[bytes, ...]:
        """The certificate and those above it but for the root, DER."""
        above = [str(issuer) for issuer in self._pki.get_chain(CertLabel(label))]
        return tuple(self.certificate(c) for c in [label, *above[:-1]])

    def trust(self, *anchors: str) -> TrustStore:
        """A store with these certificates as anchors, and nothing else."""
        return TrustStore(anchors=tuple(TrustAnchor(self.certificate(label)) for label in anchors))

    def tsa(self, label: str) -> str:
        """Where a time-stamping service listens (RFC 3161 §3.4)."""
        return f"{self.url}/{_ARCHITECTURE}/tsa/{label}"

    def ocsp(self, label: str) -> str:
        """Where a responder listens (RFC 6960 appendix A)."""
        return f"{self.url}/{_ARCHITECTURE}/ocsp/{label}"

    def crl(self, label: str) -> str:
        """Where the current revocation list lies."""
        return f"{self.url}/{_ARCHITECTURE}/crls/{label}/latest.crl"

    def issuer(self, label: str) -> str:
        """Where the certificate of an authority lies (caIssuers)."""
        return f"{self.url}/{_ARCHITECTURE}/certs/{label}/ca.crt"


class _Services(Animator):
    """certomancer's services by our clock, with the faults that it does not play by itself."""

    def __init__(self, authorities: Authorities) -> None:
        self._authorities = authorities
        store = AnimatorArchStore({ArchLabel(_ARCHITECTURE): authorities._pki})
        super().__init__(store, with_web_ui=False, allow_time_override=False)

    def at_time(self, request: Request) -> datetime:
        _, _, kind, label, *_ = request.path.split("/")
        return self._authorities.clock.now.astimezone(UTC) + SHIFTS.get((kind, label), timedelta())

    def dispatch(self, request: Request) -> Any:
        self._authorities.requests.append(request.path)
        return super().dispatch(request)

    def serve_ocsp_response(self, request: Request, *, label: str, arch: str) -> Response:
        if label != "unknown":
            found: Response = super().serve_ocsp_response(request, label=label, arch=arch)
            return found
        pki = self.architectures[ArchLabel(arch)]
        responder = pki.service_registry.summon_responder(ServiceLabel(label), self.at_time(request))
        responder.revinfo_interface = _KnowsNobody(responder.revinfo_interface.get_issuer_cert())
        answer = responder.build_ocsp_response(asn1_ocsp.OCSPRequest.load(request.stream.read()))
        return Response(answer.dump(), mimetype="application/ocsp-response")


class _KnowsNobody(RevocationInfoInterface):
    """Answers `unknown` (RFC 6960 §2.2), which certomancer never does by itself."""

    def __init__(self, issuer: asn1_x509.Certificate) -> None:
        self._issuer = issuer

    def get_issuer_cert(self) -> asn1_x509.Certificate:
        return self._issuer

    def check_revocation_status(
        self, cid: asn1_ocsp.CertId, at_time: datetime
    ) -> tuple[asn1_ocsp.CertStatus, list[asn1_ocsp.SingleResponseExtension]]:
        return asn1_ocsp.CertStatus("unknown"), []


class _QuietHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # werkzeug's name
        pass


def _make_key(label: str) -> PrivateKey:
    """The end of a label says which kind; P-256 takes no time, RSA a tenth of a second."""
    if label.endswith("-rsa"):
        return rsa.generate_private_key(65537, 2048)
    if label.endswith("-rsa1024"):
        return rsa.generate_private_key(65537, 1024)  # to be refused
    if label.endswith("-ed25519"):
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP384R1() if label.endswith("-p384") else ec.SECP256R1())


def _architecture(folder: Path, description: Path, url: str) -> PKIArchitecture:
    config = yaml.safe_load(description.read_text("utf-8"))
    labels = config["pki-architectures"][_ARCHITECTURE]["entities"]
    keys = folder / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    for label in labels:
        key = _make_key(label)
        content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (keys / f"{label}.pem").write_bytes(content)
    config["keysets"][_ARCHITECTURE]["keys"] = {label: {"path": f"{label}.pem"} for label in labels}
    made = CertomancerConfig(config, key_search_dir=str(keys), external_url_prefix=url)
    found: PKIArchitecture = made.get_pki_arch(ArchLabel(_ARCHITECTURE))
    return found
