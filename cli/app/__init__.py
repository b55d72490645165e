"""`aural app`: the page in the browser, its server, and the sessions of its users."""
