"""Pages for a browser, each one file that loads nothing: the report, its index, listening tests, forms."""
