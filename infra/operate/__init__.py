"""The operators' command line: ``python -m infra.operate``, described in ``docs/operate.md``."""
