"""Sessions: refresh token families, and what is known to be revoked."""
