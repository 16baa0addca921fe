"""Files and the terminal: atomic writing, the run folder, progress bars."""
