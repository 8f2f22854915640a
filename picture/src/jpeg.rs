//! The segments of a JPEG file: is it whole, and what memory will its decoder need.
//!
//! The decoder fills the rest of a picture with gray where a file was cut off and reports success;
//! a document half read is worse than an error, so the end is looked for here.

const FILL: u8 = 0xFF;
const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

/// What the segments of a JPEG file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// An end-of-image marker follows at least one scan.
    pub(crate) complete: bool,
    /// Bytes of the coefficients that a progressive picture, or one of several scans, keeps until its end.
    pub(crate) coefficient_bytes: u64,
}

impl Layout {
    /// Walks the segments of `bytes`, a file that begins with the JPEG signature.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut layout = Self { complete: false, coefficient_bytes: 0 };
        let mut scans = 0_u32;
        let mut frame_bytes = 0;
        let mut progressive = false;
        let mut at = 2;
        while let Some((marker, after)) = next_marker(bytes, at) {
            at = after;
            match marker {
                END_OF_IMAGE => {
                    layout.complete = scans > 0;
                    break;
                }
                0x01 | 0xD0..=0xD8 => {}
                _ => {
                    let Some(body) = segment(bytes, at) else { break };
                    at += 2 + body.len();
                    match marker {
                        START_OF_SCAN => {
                            scans += 1;
                            // Several scans of a baseline picture are collected as well.
                            progressive |= scans > 1;
                        }
                        0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                            progressive |= marker == 0xC2;
                            frame_bytes = coefficient_bytes(body);
                        }
                        _ => {}
                    }
                }
            }
        }
        if progressive {
            layout.coefficient_bytes = frame_bytes;
        }
        layout
    }
}

/// The next marker at or after `at`, and the position behind it. Entropy-coded data is skipped:
/// in it a fill byte is followed by zero, or by a restart marker.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == FILL)? + 1;
        match *bytes.get(at)? {
            0 => at += 1,
            FILL => {}
            marker => return Some((marker, at + 1)),
        }
    }
}

/// The body of the segment whose length field is at `at`.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    bytes.get(at + 2..at + length.max(2))
}

/// Bytes of all coefficients of a frame, 16 bits each, from the body of its header.
fn coefficient_bytes(frame: &[u8]) -> u64 {
    let &[_, h1, h0, w1, w0, _, ref components @ ..] = frame else { return 0 };
    let height = u64::from(u16::from_be_bytes([h1, h0]));
    let width = u64::from(u16::from_be_bytes([w1, w0]));
    let samplings = || components.chunks_exact(3).map(|c| (u64::from(c[1] >> 4), u64::from(c[1] & 15)));
    let h_max = samplings().map(|(h, _)| h).max().unwrap_or(1).max(1);
    let v_max = samplings().map(|(_, v)| v).max().unwrap_or(1).max(1);
    let mcus = width.div_ceil(8 * h_max) * height.div_ceil(8 * v_max);
    samplings().map(|(h, v)| mcus * h * v * 64 * 2).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_of_a_twelve_megapixel_frame() {
        // 8 bits, 3024 x 4032, three components at 2x2, 1x1, 1x1.
        let frame = [8, 0x0B, 0xD0, 0x0F, 0xC0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
        assert_eq!(coefficient_bytes(&frame), 4032 * 3024 * 3);
    }

    #[test]
    fn a_file_without_scan_or_end_is_not_complete() {
        assert!(!Layout::of(&[0xFF, 0xD8]).complete);
        assert!(!Layout::of(&[0xFF, 0xD8, 0xFF, 0xD9]).complete);
        assert!(!Layout::of(&[0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 2, 3, 0xFF, 0x00]).complete);
        assert!(
            Layout::of(&[0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 0xFF, 0x00, 0xFF, 0xD0, 3, 0xFF, 0xD9]).complete
        );
    }
}
