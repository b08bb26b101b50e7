"""For bounces and complaints: mail that comes back. Nothing is here yet."""
