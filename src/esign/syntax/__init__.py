"""PDF syntax with all its revisions: a strict, lazy, bounded reader (ISO 32000-2 §7)."""
