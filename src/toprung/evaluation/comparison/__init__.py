"""Is one classifier better than another, or is it chance?"""
