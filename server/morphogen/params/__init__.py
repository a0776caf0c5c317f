"""Parameters: one declaration each (`catalog`), their live values (`store`), how they move, how they are described."""
