"""Results for people: a table for the terminal, three figures, and one page that holds both."""
