"""Every figure of the course, drawn from what the package computes, on the caller's axes."""
