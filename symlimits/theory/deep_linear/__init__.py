"""Training deep linear networks of infinite width."""
