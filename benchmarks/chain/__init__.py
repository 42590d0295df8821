"""The floor's shape: one HTTP accept, three services, four commits, three messages; by the kit, and by hand."""
