"""The judge of cutouts: fitted on made-up cases of train objects, measured on those of test objects."""
