"""Scaling of hyperparameters with width: exponents, limit models, parameterisations."""
