"""The locator: a small fully convolutional network that finds machine-readable zones in a gray
picture. Generator, network, training and export; see train/README.md.
"""
