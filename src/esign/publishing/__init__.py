"""Publishing what holds of results today: signed static files in a folder or an object store (docs/spec/status.md).

`Publisher` brings a store up to date with a register; `make_kit` puts everything into one file for a village.
"""

from esign.publishing.bucket import BucketStore
from esign.publishing.kit import Kit, make_kit
from esign.publishing.publisher import Published, Publisher, StatusSource
from esign.publishing.register import RegisterSource
from esign.publishing.site import publish_site
from esign.publishing.stores import FolderStore, Store
from esign.publishing.trust_folder import TrustFolder

__all__ = [
    "BucketStore",
    "FolderStore",
    "Kit",
    "Published",
    "Publisher",
    "RegisterSource",
    "StatusSource",
    "Store",
    "TrustFolder",
    "make_kit",
    "publish_site",
]
