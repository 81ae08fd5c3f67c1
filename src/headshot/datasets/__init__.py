"""Public data sets of faces: readers of their labels, which photos are drawn, which are held out of training.

Training (`headshot.learn`) and measuring (`headshot.evaluate`) both build on this package; no head is made
with it.
"""
