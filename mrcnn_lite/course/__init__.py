"""What the lessons need beside the model: checks of exercises."""
