"""The history over HTTP: pages for people, the API, feeds, metrics and health. `routes.ROUTES` has every path."""
