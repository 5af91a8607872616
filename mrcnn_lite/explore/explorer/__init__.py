"""The misalignment explorer: a widget, a page that needs no kernel, and a still figure."""
