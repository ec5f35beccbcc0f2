"""API keys: their text, their life from creation to tombstone, and who may call with one."""
