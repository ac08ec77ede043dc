"""The operating system's authorities, for an operator who asks for them in so many words.

They are there for web servers. That one of them issued a certificate says that some company checked a domain or a mail
address, and rarely that a person is who the certificate says.
"""

import ssl

from esign.errors import ConfigurationError

__all__ = ["system_certificates"]


def system_certificates() -> tuple[bytes, ...]:
    """The certificates that the system trusts, DER: Windows' stores, or OpenSSL's files elsewhere.

    Raises:
        ConfigurationError: `system-anchors-missing`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    found = tuple(dict.fromkeys(context.get_ca_certs(binary_form=True)))
    if not found:
        raise ConfigurationError("system-anchors-missing")
    return found
