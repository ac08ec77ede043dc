"""PAdES: revisions, signatures in two halves, and their inspection."""
