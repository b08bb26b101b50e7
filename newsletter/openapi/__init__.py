"""The OpenAPI 3.1 document of the JSON API, written from the same limits and words that the code checks by."""
