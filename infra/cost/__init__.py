"""What a deployment costs: prices, what a request uses, what stands there when nobody asks (docs/cost.md)."""
