"""Networks in other forms, made float TFLite by converters that each live in an environment of their own."""
