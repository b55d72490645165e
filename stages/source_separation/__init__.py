"""Source separation: a mixture is taken apart into stems."""
