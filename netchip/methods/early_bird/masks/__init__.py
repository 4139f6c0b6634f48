"""From scores to masks: how many channels stay, which, how far masks lie apart, and when they are stable."""
