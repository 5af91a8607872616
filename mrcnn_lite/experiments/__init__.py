"""The paper's tables in miniature, and what else is compared: rows, runs, results, pages."""
