"""Build, deploy and run locally; nothing of this is shipped to Lambda."""
