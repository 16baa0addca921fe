"""Every setting of a run: fields, ranges, contradictions, presets. Standard library only."""
