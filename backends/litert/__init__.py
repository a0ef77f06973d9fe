"""The engine behind the doors: LiteRT, its interpreter and its compiled models, and what they say of themselves."""
