"""What is true of the inputs, as users have it: tables, COCO boxes, masks."""
