"""What a distillation trains, phase by phase; each a `Phase` of netchip.train, so resumable to the byte."""
