"""Check-ins: how trading processes tell us that they live, and what follows for their accounts."""
