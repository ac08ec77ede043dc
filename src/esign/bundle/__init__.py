"""A court bundle: a folder in which somebody who knows nothing of us finds what it takes to check a document.

>>> write_bundle(Path("ho-so"), make_bundle(pdf, verifier=verifier, trust=trust, made_at=now(), name="15-QD-UBND.pdf"))
>>> check_bundle(Path("ho-so")).checks

It is written for an archivist in 2050: plain files, each format said in `FORMATS.txt`, each command in `README.txt`
for `openssl`, `pdfsig` and `sha256sum` alone (docs/spec/bundle.md).
"""

from esign.bundle.checking import BundleFinding, check_bundle
from esign.bundle.making import make_bundle, write_bundle

__all__ = ["BundleFinding", "check_bundle", "make_bundle", "write_bundle"]
