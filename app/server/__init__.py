"""Hypercorn, and the hand-over of sockets to channels."""
