"""Our path validation beside two that we did not write, on random hierarchies: OpenSSL's and pyHanko's.

`ESIGN_SEEDS=5000` compares more of them. Where we differ, `explain` says why.
"""

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathError, ValidationError
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy, PKIXValidationParams

from esign.report import SubIndication
from esign.trust import CertificateResult, Evidence, TrustStore, ValidationPolicy, validate_certificate
from tests.support.authority import NOW
from tests.support.programs import program
from tests.unit.trust.hierarchies import POLICIES, Hierarchy, Piece, hierarchy, pem_of

SEEDS = range(int(os.environ.get("ESIGN_SEEDS", "120")))
WANTED = POLICIES[0].dotted_string


def ours(world: Hierarchy) -> CertificateResult:
    policy = ValidationPolicy()
    if world.explicit:
        policy = ValidationPolicy(explicit_policy=True, certificate_policies=frozenset({WANTED}))
    return validate_certificate(
        world.leaf.public_bytes(Encoding.DER),
        trust=TrustStore.from_pem(pem_of(world.root)),
        at=NOW,
        evidence=Evidence(
            certificates=tuple(c.public_bytes(Encoding.DER) for c in world.others),
            crls=tuple(c.public_bytes(Encoding.DER) for c in world.crls),
        ),
        policy=policy,
    )


def openssl(world: Hierarchy, folder: Path) -> tuple[bool, str]:
    pieces: dict[str, Sequence[Piece]] = {
        "root": [world.root],
        "others": world.others,
        "crls": world.crls,
        "leaf": [world.leaf],
    }
    for name, items in pieces.items():
        (folder / f"{name}.pem").write_bytes(pem_of(*items))
    command = ["openssl", "verify", "-no-CApath", "-CAfile", "root.pem", "-attime", str(int(NOW.timestamp()))]
    command += ["-policy_check", "-crl_check_all", "-check_ss_sig"]
    command += ["-untrusted", "others.pem"] if world.others else []
    command += ["-CRLfile", "crls.pem"] if world.crls else []
    # Without -policy no policy is acceptable to OpenSSL, where RFC 5280 §6.1.1 c starts from any.
    command += ["-explicit_policy", "-policy", WANTED] if world.explicit else ["-policy", "2.5.29.32.0"]
    run = subprocess.run([*command, "leaf.pem"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return run.returncode == 0, run.stderr.strip()


def pyhanko(world: Hierarchy, _: Path) -> tuple[bool, str]:
    params = PKIXValidationParams(frozenset({WANTED}), initial_explicit_policy=True) if world.explicit else None
    context = ValidationContext(
        trust_roots=[asn1.Certificate.load(world.root.public_bytes(Encoding.DER))],
        other_certs=[asn1.Certificate.load(c.public_bytes(Encoding.DER)) for c in world.others],
        crls=[asn1_crl.CertificateList.load(c.public_bytes(Encoding.DER)) for c in world.crls],
        moment=NOW,
        allow_fetching=False,
        revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
    )
    leaf = asn1.Certificate.load(world.leaf.public_bytes(Encoding.DER))
    validator = CertificateValidator(leaf, validation_context=context, pkix_params=params)
    try:
        asyncio.run(validator.async_validate_path())
    except (ValidationError, PathError, PathBuildingError) as e:
        return False, str(e)
    return True, ""


OTHERS: dict[str, Callable[[Hierarchy, Path], tuple[bool, str]]] = {"openssl": openssl, "pyhanko": pyhanko}


def explain(world: Hierarchy, mine: CertificateResult, *, theirs: bool, said: str) -> str:
    """Why the verdicts differ, where we know; "" where nobody knows."""
    wrong_key = any(f"error {number} at" in said for number in (7, 8, 19))
    if mine.passed and not theirs and "self-issued" in world.faults and wrong_key:
        # An authority with two keys under one name and no key identifiers: OpenSSL takes the first certificate or
        # list of that name, and does not try the other where its signature fails.
        return "two keys of one name"
    return ""


@pytest.mark.parametrize("validator", OTHERS)
def test_verdicts_agree(validator: str, tmp_path: Path) -> None:
    if validator == "openssl":
        program("openssl")
    passed, explained, unexplained = Counter[bool](), Counter[str](), list[str]()
    for seed in SEEDS:
        world = hierarchy(seed)
        mine = ours(world)
        if mine.sub_indication is SubIndication.CHAIN_CONSTRAINTS_FAILURE:
            continue  # what a certificate is for is a rule of ours, which neither has
        theirs, said = OTHERS[validator](world, tmp_path)
        passed[mine.passed] += 1
        if mine.passed is not theirs:
            why = explain(world, mine, theirs=theirs, said=said)
            explained[why] += 1
            if not why:
                unexplained.append(f"{seed}: {mine.sub_indication} / {theirs} {said} {world.faults}")
    assert unexplained == [], "\n".join(unexplained)
    assert passed[True] > len(SEEDS) / 20, "too few good ones to tell anything"
    assert passed[False] > len(SEEDS) / 4
