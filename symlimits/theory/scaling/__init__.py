"""How hyperparameters scale with width."""
