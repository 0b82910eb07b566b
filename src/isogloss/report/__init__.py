"""Results for people: tables for the terminal, figures that a page makes live, and the pages that hold them."""
