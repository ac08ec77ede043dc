"""The service: issue, verify and look up over HTTP; thin routers over the two workflows (only importer of FastAPI)."""
