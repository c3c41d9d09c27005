"""What people ask, answered as values: commands print them, web pages show them."""
