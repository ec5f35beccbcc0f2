"""Tools around geo routing that run on a workstation, not on Lambda."""
