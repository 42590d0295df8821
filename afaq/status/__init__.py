"""The public page that says of each journey of people whether it works, and how it went lately."""
