"""The numbers of claims and header parameters in what we sign, in one table.

Those of RFC 8392, RFC 9596 and TSL draft 20 are registered; from −65537 down is private use (docs/spec/seal.md §10).
"""

ISS, SUB, EXP, IAT, CTI = 1, 2, 4, 6, 7
"""RFC 8392 §3.1."""
STATUS_LIST, TTL = 65533, 65534
"""TSL §5.2."""
SEAL = -65537
"""What only a seal says (docs/spec/seal.md §4)."""
SHARD, DETAILS, MANIFEST = -65538, -65539, -65540
"""What only a shard, a detail file, a status manifest says (docs/spec/status.md)."""
TRUST_PART, LIST_KEY, CHAIN = -65541, -65542, -65543
"""A part of the trust list, a certificate of a list key, and the header with certificates (docs/spec/trust-list.md)."""
