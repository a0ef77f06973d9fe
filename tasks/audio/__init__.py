"""The data's side of tasks on sound: recordings, their features, and how data sets lay them out."""
