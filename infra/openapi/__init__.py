"""The API's one OpenAPI document, merged from all functions, and the reference page that is rendered from it."""
