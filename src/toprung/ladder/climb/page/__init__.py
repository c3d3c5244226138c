"""The page of a climb: one HTML file that needs nothing but a browser."""
