"""Ground truth of boxes, in every form in which COCO and its like come."""
