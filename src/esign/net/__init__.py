"""The one guarded HTTP client, for TSA, OCSP, CRL and AIA (DESIGN law 10)."""
