"""What the functions count, how it is kept although every Lambda dies young, and how it is shown."""
