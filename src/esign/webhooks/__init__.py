"""Telling portals what happened: an outbox, signed and retried."""
