"""Decides who receives an event or notice over which channel, and delivers it."""
