"""
Kaizen Edge: the library that every function of the edge API shares.

The package imports nothing by itself, so that a function pays only for the parts that it names.
"""
