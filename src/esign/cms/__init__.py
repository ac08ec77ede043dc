"""CMS containers: parse them, verify their signers (RFC 5652); no PDF and no trust."""
