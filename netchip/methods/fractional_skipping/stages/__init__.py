"""The stages of a run: the trainings, budgets moved without training, the comparison and its figures."""
