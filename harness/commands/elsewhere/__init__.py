"""Verbs on another machine or an Android device: their options, their words for the other side, what comes back."""
