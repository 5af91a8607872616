"""Pictures: every figure of the course is drawn here, from what the package computes."""
