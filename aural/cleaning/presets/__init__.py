"""The chains that come with AURAL, as TOML files."""
