"""Deployment to every region by one command: ``python -m infra.deploy``, described in ``docs/deploy.md``."""
