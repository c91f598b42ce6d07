"""One module for each group of commands; `main` gives them their names."""
