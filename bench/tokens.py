"""Seal tokens made and verified a second, beside the `cwt` and `pycose` libraries, in one run (`make bench`).

All three sign the same claims with the same P-256 key in software. Rounds are interleaved, so that a machine that
changes its speed changes it for all; medians of this process's own seconds are printed and kept. "Whole verdict" is
what a verifier does with a scanned URL: digits, strict CBOR, the trust list, the signature, every check, the status
list, and the word for it.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import cbor2
import cwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pycose.algorithms import Es256
from pycose.headers import KID, Algorithm
from pycose.keys.curves import P256
from pycose.keys.ec2 import EC2Key
from pycose.messages.sign1message import Sign1Message

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from esign.seal import SealToken, State, StatusFiles, judge, make, read_parts, verify  # noqa: E402
from esign.softkey import SoftwareKey  # noqa: E402
from tests.support.site import KID as SEAL_KID  # noqa: E402
from tests.support.site import claims, make_site  # noqa: E402
from tests.vectors.seal import generate  # noqa: E402

ROUNDS, OPERATIONS, SLOW_OPERATIONS = 15, 100, 10


def work() -> dict[str, tuple[Callable[[], object], int]]:
    """What is measured, and how often in a round."""
    key = generate.KEY
    own = SoftwareKey.from_private_key(key)
    site = make_site()
    said, kid = claims(site.at), bytes(SEAL_KID)
    token = make(said, SEAL_KID, own)
    data, url = bytes(token), token.url(site.host)
    payload = cbor2.loads(data)[2]

    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    cwt_key, cwt_cose = cwt.COSEKey.from_pem(pem, kid=kid, alg="ES256"), cwt.COSE.new()
    pycose_key = pycose_key_of(key)
    pycose_data = Sign1Message({Algorithm: Es256, KID: kid}, {}, payload)
    pycose_data.key = pycose_key
    signed = pycose_data.encode()

    def pycose_make() -> bytes:
        message = Sign1Message({Algorithm: Es256, KID: kid}, {}, payload)
        message.key = pycose_key
        return bytes(message.encode())

    def pycose_verify() -> None:
        message = Sign1Message.decode(signed)
        message.key = pycose_key
        assert message.verify_signature()

    trust = read_parts(site.trust_files, roots=[site.root], at=site.at)
    files = StatusFiles(site.get, trust)
    public = own.public_key

    def verdict() -> None:
        assert judge(verify(url, keys=trust, at=site.at, status=files), trust).state is State.IN_FORCE

    def offline() -> None:
        assert verify(url, keys=trust, at=site.at).authentic

    tagged = b"\xd2" + data
    return {
        "made: esign": (lambda: make(said, SEAL_KID, own), OPERATIONS),
        "made: cwt": (
            lambda: cwt_cose.encode_and_sign(payload, cwt_key, protected={1: -7, 4: kid}, unprotected={}),
            OPERATIONS,
        ),
        "made: pycose": (pycose_make, SLOW_OPERATIONS),
        "verified: esign": (lambda: SealToken.parse(data).check(public), OPERATIONS),
        "verified: cwt": (lambda: cwt_cose.decode(tagged, cwt_key), OPERATIONS),
        "verified: pycose": (pycose_verify, SLOW_OPERATIONS),
        "a URL verified offline, every check": (offline, OPERATIONS),
        "whole verdict, with its status": (verdict, OPERATIONS),
    }


def pycose_key_of(key: ec.EllipticCurvePrivateKey) -> EC2Key:
    """The same key, in pycose's form."""
    numbers = key.private_numbers()
    public = numbers.public_numbers
    x, y, d = (n.to_bytes(32, "big") for n in (public.x, public.y, numbers.private_value))
    return EC2Key(crv=P256, x=x, y=y, d=d)


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of this process an operation, the median of the rounds."""
    kinds = work()
    times: dict[str, list[float]] = {what: [] for what in kinds}
    for _ in range(rounds):
        for what, (action, count) in kinds.items():
            started = time.process_time()
            for _ in range(count):
                action()
            times[what].append((time.process_time() - started) / count)
    return {what: statistics.median(found) for what, found in times.items()}


def main() -> None:
    """Measure, print, keep."""
    found = measure()
    print(f"P-256 in software, {ROUNDS} interleaved rounds, medians\n")
    for what, seconds in found.items():
        print(f"{what:40} {1e6 * seconds:8.0f} µs {1 / seconds:10,.0f} a second")
    target = ROOT / "build" / "bench-tokens.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"at": datetime.now(UTC).isoformat(), "rounds": ROUNDS, "seconds": found}, indent=1))


if __name__ == "__main__":
    main()
