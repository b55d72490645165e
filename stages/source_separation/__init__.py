"""Source separation: splits a mixture into stems."""
