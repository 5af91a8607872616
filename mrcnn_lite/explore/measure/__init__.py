"""What figures show, as numbers: misalignment, cost, receptive fields, kinds of error."""
