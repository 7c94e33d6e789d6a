"""srcad measured: against adjoints by hand and other systems, and for what it costs otherwise."""
