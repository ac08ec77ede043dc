"""A typed client of the service that retries safely."""
