"""Language models: `loss, memory = model(inputs, targets, memory)`."""
