"""PAdES: revisions, signatures in two halves, and their inspection; the only importer of pyHanko."""
