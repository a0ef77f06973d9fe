"""Works of a cluster that nobody times: a log judged, a set prepared, by a crew of actors."""
