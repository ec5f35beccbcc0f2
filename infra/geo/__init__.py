"""Tools around geo routing that run on a workstation, not on Lambda: measured tables, and what a table says of the model."""
