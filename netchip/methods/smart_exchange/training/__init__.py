"""SmartExchange in a training loop: as objects for the user's own, and as what goes along with `fit`."""
