"""Use a key in a token: `python examples/token_key.py 'pkcs11:token=van-thu;object=con-dau?pin-source=PIN-FILE'`.

`ESIGN_STATE_DIR` says where the PIN guard keeps its notes; all users of one token on a machine share it.
"""

import sys

from esign import KeyRef, Mechanism
from esign.keys import KeyType, check_signature
from esign_hsm import TokenKeyStore, pin_source, protect_process

MECHANISMS = {
    KeyType.RSA: Mechanism.RSA_PKCS1_SHA256,
    KeyType.P256: Mechanism.ECDSA_P256_SHA256,
    KeyType.P384: Mechanism.ECDSA_P384_SHA384,
    KeyType.ED25519: Mechanism.ED25519,
}


def main(uri: str) -> None:
    """Sign a few bytes; the PIN is sent once, and never again if the token refuses it."""
    protect_process()
    ref = KeyRef.parse(uri)
    assert ref.pin_source is not None, "add ?pin-source=FILE"
    with TokenKeyStore(module=ref.module_path, pin=pin_source(ref.pin_source)) as store:
        key = store.key(ref)
        mechanism = MECHANISMS[key.key_type]
        signature = key.sign(b"hello", mechanism=mechanism)
        print(key.ref, mechanism.value, check_signature(key.public_key, signature, b"hello", mechanism=mechanism))


if __name__ == "__main__":
    main(sys.argv[1])
