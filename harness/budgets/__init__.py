"""Budgets of models: what a model may take and how far it may be off, as data, and the verdict on each row."""
