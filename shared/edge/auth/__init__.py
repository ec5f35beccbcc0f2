"""Who calls, and what they may do: roles, access tokens, refresh families, API keys."""
