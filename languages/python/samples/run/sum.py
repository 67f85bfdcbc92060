print("Sum:", sum(range(1000)))
