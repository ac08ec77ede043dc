"""Programs of the machine that tests run: a test whose program is missing is skipped, and in CI it fails."""

import os
import shutil

import pytest

__all__ = ["missing", "program"]

_PACKAGES = {
    "cc": "gcc libc6-dev",
    "chromium": "chromium",
    "curl": "curl",
    "firefox": "firefox-esr",
    "git": "git",
    "javac": "default-jdk-headless",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "pdfsig": "poppler-utils",
    "pdftoppm": "poppler-utils",
    "pdftotext": "poppler-utils",
    "pgbouncer": "pgbouncer",
    "qpdf": "qpdf",
    "softhsm2-util": "softhsm2",
    "systemd-analyze": "systemd",
}
"""What Debian calls the package that brings it; scripts/bootstrap.sh or .ci/run installs each."""


def program(name: str, *others: str) -> str:
    """Where `name` is, or one of the `others` that do as well."""
    for each in (name, *others):
        found = shutil.which(each)
        if found is not None:
            return found
    raise missing(f"{name} is not installed (apt install {_PACKAGES[name]})")


def missing(what: str) -> BaseException:
    """What to raise: it leaves the test out on a person's machine; CI has everything, so there it is a failure."""
    return pytest.fail.Exception(what) if os.environ.get("CI") else pytest.skip.Exception(what)
