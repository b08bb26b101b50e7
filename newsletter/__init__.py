"""A double opt-in newsletter service. `app.create_app` builds it; each package below is one domain."""
