//! Image files to gray pictures, the same bits on every target.
