"""The page that a browser shows: photos in, paintings out, on this computer alone."""
