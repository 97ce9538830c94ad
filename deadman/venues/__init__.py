"""The venues: twins with the same rooms, so that who knows one knows the other."""
