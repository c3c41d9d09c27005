"""Exports of a registry as constants of a programming language: one module per language."""
