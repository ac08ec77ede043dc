"""Going on with what was recorded: workers, leases and the reconciler."""
