"""The report: a run as one HTML file, made of what its folder holds."""
