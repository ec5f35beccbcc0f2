"""What every HTTP answer goes through, as plain ASGI: no framework is imported here."""
