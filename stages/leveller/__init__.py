"""The leveller: brings near and far speakers to one level."""
