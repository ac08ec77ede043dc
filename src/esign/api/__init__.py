"""The words of the HTTP interface: models that the service and its client share (docs/spec/service.md)."""
