"""Metrics and health over HTTP. `routes.ROUTES` lists the pages."""
