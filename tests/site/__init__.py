"""The pages of the site that the tests visit."""
