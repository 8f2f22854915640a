"""Training of Nibble's reader: synthetic lines, float and quantisation-aware training, export,
golden vectors, specimens.
"""
