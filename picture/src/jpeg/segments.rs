//! The segments of a JPEG file: whether it is complete, how much memory and work it takes, and which
//! segments the picture needs.
//!
//! The decoder keeps every profile and comment that it meets, and it fills the rest of a truncated
//! picture with gray. So the segments are walked here first, the end marker is looked for, and the
//! decoder is given only the segments that it needs.

const FILL: u8 = 0xFF;
const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
/// Marker of the segment that says how colours are coded.
const ADOBE: u8 = 0xEE;
/// Marker of the JFIF segment. In Motion JPEG it tells the decoder to use the default tables.
const JFIF: u8 = 0xE0;
const EXIF: u8 = 0xE1;
const EXIF_NAME: &[u8] = b"Exif\0\0";

/// The contents of a frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) width: u16,
    pub(super) height: u16,
    components: u8,
    /// Bytes of the decoder's row buffers.
    pub(super) line_bytes: u64,
    /// Whether there are three components, chroma sampled as densely as luma (4:4:4), at half its
    /// density along rows (4:2:2), or also along columns (4:2:0).
    pub(super) usual_sampling: bool,
    /// Whether no component is sampled more densely than the first one.
    first_is_densest: bool,
    /// Whether no component is sampled more densely along columns than another.
    equal_along_columns: bool,
}

impl Frame {
    /// Parses the body of a frame header.
    fn of(body: &[u8]) -> Option<Self> {
        let &[_, h1, h0, w1, w0, components, ..] = body else { return None };
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        let factors: Vec<u8> = components_of(body).map(|[_, factors, _]| *factors).collect();
        let (mut each, h_max, v_max) = samplings(body);
        Some(Self {
            width,
            height,
            components,
            line_bytes: line_bytes(body, width),
            usual_sampling: matches!(factors[..], [0x11 | 0x21 | 0x22, 0x11, 0x11]),
            first_is_densest: each.next() == Some((h_max, v_max)),
            equal_along_columns: each.all(|(_, v)| v == v_max),
        })
    }

    /// Whether the decoder gives the right picture. It mixes up the rows of a picture whose scans come
    /// `in_parts` where the components differ in their rows, and those of a component that is denser
    /// than the first one.
    pub(super) fn is_decoded_right(&self, in_parts: bool) -> bool {
        self.first_is_densest && (self.equal_along_columns || !in_parts)
    }
}

/// The contents of a JPEG file's segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout<'a> {
    /// Whether an end-of-image marker follows at least one scan.
    pub(super) complete: bool,
    /// Bytes of the coefficients that the decoder keeps to the end of a picture that is progressive
    /// or has several scans.
    pub(super) coefficient_bytes: u64,
    /// Whether it is a baseline picture whose components come in several scans.
    pub(super) in_parts: bool,
    /// Samples that all scans together visit.
    pub(super) visits: u64,
    /// Bytes of a copy that holds only what the decoder needs.
    pub(super) essential_bytes: u64,
    /// The first frame header; the decoder refuses a second one.
    pub(super) frame: Option<Frame>,
    /// The last EXIF block before the first scan.
    pub(super) exif: Option<&'a [u8]>,
}

impl<'a> Layout<'a> {
    /// Walks the segments of `bytes`, a file that begins with the JPEG signature.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let mut layout = Self {
            complete: false,
            coefficient_bytes: 0,
            in_parts: false,
            visits: 0,
            essential_bytes: 4,
            frame: None,
            exif: None,
        };
        let mut scans = 0_u32;
        let mut frame: &[u8] = &[];
        let mut progressive = false;
        for segment in Segments::of(bytes) {
            let body = segment.body();
            if segment.is_essential() {
                layout.essential_bytes += 2 + (segment.segment.len() + segment.scan.len()) as u64;
            }
            match segment.marker {
                END_OF_IMAGE => {
                    layout.complete = scans > 0;
                    break;
                }
                START_OF_SCAN => {
                    scans += 1;
                    layout.visits = layout.visits.saturating_add(scanned_samples(frame, body));
                    // The decoder also keeps the coefficients of a baseline picture with several
                    // scans, or with a first scan that lacks components.
                    layout.in_parts |= scans > 1;
                    layout.in_parts |=
                        layout.frame.is_some_and(|frame| body.first() != Some(&frame.components));
                }
                _ if segment.is_frame() => {
                    progressive |= segment.marker == 0xC2;
                    frame = body;
                    layout.frame = layout.frame.or(Frame::of(body));
                }
                EXIF if scans == 0 && body.len() > EXIF_NAME.len() => {
                    layout.exif = body.strip_prefix(EXIF_NAME).or(layout.exif);
                }
                _ => {}
            }
        }
        if progressive || layout.in_parts {
            layout.coefficient_bytes = coefficient_bytes(frame);
        }
        if progressive {
            layout.in_parts = false;
        }
        layout
    }
}

/// The file without metadata (profiles, comments, previews) and without bytes between segments.
pub(super) fn essential(bytes: &[u8], layout: &Layout) -> Vec<u8> {
    let mut copy = Vec::new();
    copy.reserve_exact(usize::try_from(layout.essential_bytes).unwrap_or(bytes.len()));
    copy.extend([FILL, START_OF_IMAGE]);
    let picture = Segments::of(bytes).take_while(|segment| segment.marker != END_OF_IMAGE);
    for segment in picture.filter(Segment::is_essential) {
        copy.extend([FILL, segment.marker]);
        copy.extend(segment.segment);
        copy.extend(segment.scan);
    }
    copy.extend([FILL, END_OF_IMAGE]);
    copy
}

/// A marker with its segment and the scan data that follows.
struct Segment<'a> {
    marker: u8,
    /// The segment, including its two length bytes; empty for a marker without a segment.
    segment: &'a [u8],
    /// The entropy-coded data after a scan header, restart markers included.
    scan: &'a [u8],
}

impl<'a> Segment<'a> {
    fn body(&self) -> &'a [u8] {
        self.segment.get(2..).unwrap_or(&[])
    }

    fn is_frame(&self) -> bool {
        matches!(self.marker, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF)
    }

    /// Whether the decoder needs the segment: frames, scans, tables, and how colours are coded.
    fn is_essential(&self) -> bool {
        match self.marker {
            JFIF | ADOBE => true,
            // Other application data, extensions and comments.
            0xE0..=0xFE => false,
            _ => !self.segment.is_empty(),
        }
    }
}

/// The segments of a file, up to the first one that is truncated.
struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2 }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        let (marker, after) = next_marker(self.bytes, self.at)?;
        self.at = after;
        let mut found = Segment { marker, segment: &[], scan: &[] };
        if !matches!(marker, 0x01 | 0xD0..=0xD9) {
            found.segment = segment(self.bytes, self.at)?;
            self.at += found.segment.len();
        }
        if marker == START_OF_SCAN {
            let end = scan_end(self.bytes, self.at);
            found.scan = &self.bytes[self.at..end];
            self.at = end;
        }
        Some(found)
    }
}

/// The next marker at or after `at`, and the position after it. Entropy-coded data is skipped: in
/// it, the byte 0xFF is followed by zero or by a restart marker.
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

/// The end of the entropy-coded data that begins at `at`: the next marker other than a restart
/// marker.
fn scan_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some((marker, after)) = next_marker(bytes, at) {
        if !matches!(marker, 0xD0..=0xD7) {
            return after - 2;
        }
        at = after;
    }
    bytes.len()
}

/// The segment whose length field is at `at`, including that field.
fn segment(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    bytes.get(at..at + length.max(2))
}

/// The components in the body of a frame header: of each its name, its sampling factors (horizontal
/// in the upper four bits, vertical in the lower ones), and its quantisation table.
fn components_of(frame: &[u8]) -> impl Iterator<Item = &[u8; 3]> {
    frame.get(6..).unwrap_or(&[]).as_chunks().0.iter()
}

/// The horizontal and vertical sampling factors of each component, and the maximum of each.
fn samplings(frame: &[u8]) -> (impl Iterator<Item = (u64, u64)>, u64, u64) {
    let each = || components_of(frame).map(|c| (u64::from(c[1] >> 4), u64::from(c[1] & 15)));
    let h_max = each().map(|(h, _)| h).max().unwrap_or(1).max(1);
    let v_max = each().map(|(_, v)| v).max().unwrap_or(1).max(1);
    (each(), h_max, v_max)
}

/// Samples of each component of a frame, in whole blocks, from the body of its header.
fn component_samples(frame: &[u8]) -> impl Iterator<Item = u64> {
    let side = |at: usize| {
        frame.get(at..at + 2).map_or(0, |side| u64::from(side[0]) << 8 | u64::from(side[1]))
    };
    let (samplings, h_max, v_max) = samplings(frame);
    let mcus = side(3).div_ceil(8 * h_max) * side(1).div_ceil(8 * v_max);
    samplings.map(move |(h, v)| mcus * h * v * 64)
}

/// Bytes of all 16-bit coefficients of a frame, from the body of its header.
fn coefficient_bytes(frame: &[u8]) -> u64 {
    component_samples(frame).map(|samples| samples * 2).sum()
}

/// Samples that a scan visits, from the bodies of its header and of its frame's. A component that the
/// frame lacks counts as its largest one.
fn scanned_samples(frame: &[u8], scan: &[u8]) -> u64 {
    let Some((&count, components)) = scan.split_first() else { return 0 };
    let named = components.as_chunks::<2>().0.iter().take(count.into());
    let samples_of = |name: u8| {
        let known = components_of(frame)
            .zip(component_samples(frame))
            .find(|(component, _)| component[0] == name);
        known.map_or_else(|| component_samples(frame).max().unwrap_or(0), |(_, samples)| samples)
    };
    named.map(|&[name, _]| samples_of(name)).sum()
}

/// Bytes of the decoder's row buffers, at 16 bits per sample. Each component has a row of blocks,
/// three lines for upsampling, and an upsampled row of blocks.
fn line_bytes(frame: &[u8], width: u16) -> u64 {
    let (samplings, h_max, v_max) = samplings(frame);
    let ratio = h_max * v_max;
    let mcus = u64::from(width).div_ceil(8 * h_max);
    samplings.map(|(h, v)| mcus * 8 * h * 2 * (8 * v + 2 * v + v * ratio + 16 * ratio + 8)).sum()
}

/// Bytes needed to decode a JPEG embedded in another file, where the decoder is given all of
/// `stream`: its data in a growing vector, metadata twice, coefficients, rows and pixels.
#[cfg(feature = "tiff")]
pub(crate) fn embedded_bytes(stream: &[u8]) -> u64 {
    const COPIES: u64 = 5;
    let frames = Segments::of(stream).filter(Segment::is_frame).map(|segment| {
        let body = segment.body();
        Frame::of(body).map_or(0, |frame| {
            let pixels = u64::from(frame.width) * u64::from(frame.height);
            coefficient_bytes(body) + frame.line_bytes + pixels * u64::from(frame.components)
        })
    });
    frames.max().unwrap_or(0) + COPIES * stream.len() as u64
}

/// Samples that the scans of a JPEG embedded in another file visit at most: each component counts as
/// the largest one.
#[cfg(feature = "tiff")]
pub(crate) fn embedded_visits(stream: &[u8]) -> u64 {
    let frames = Segments::of(stream).filter(Segment::is_frame);
    let largest = frames.flat_map(|frame| component_samples(frame.body()).max()).max().unwrap_or(0);
    let scans = Segments::of(stream).filter(|segment| segment.marker == START_OF_SCAN);
    let components = scans.map(|scan| u64::from(scan.body().first().copied().unwrap_or(0)));
    components.fold(0, |sum, count| sum.saturating_add(largest.saturating_mul(count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_of_a_twelve_megapixel_frame() {
        // 8 bits, 3024 x 4032, three components sampled 2x2, 1x1 and 1x1.
        let frame = [8, 0x0B, 0xD0, 0x0F, 0xC0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
        assert_eq!(coefficient_bytes(&frame), 4032 * 3024 * 3);
    }

    #[test]
    fn scans_visit_their_components() {
        let frame = [8, 0x0B, 0xD0, 0x0F, 0xC0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
        let luma = 4032 * 3024;
        assert_eq!(scanned_samples(&frame, &[3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]), luma * 3 / 2);
        assert_eq!(scanned_samples(&frame, &[1, 1, 0, 1, 63, 0]), luma);
        assert_eq!(scanned_samples(&frame, &[1, 3, 0, 1, 63, 0]), luma / 4);
        assert_eq!(scanned_samples(&frame, &[1, 9, 0, 1, 63, 0]), luma);
        assert_eq!(scanned_samples(&frame, &[]), 0);
        assert_eq!(scanned_samples(&[], &[1, 1, 0, 1, 63, 0]), 0);
    }

    #[test]
    fn a_file_without_scan_or_end_is_not_complete() {
        assert!(!Layout::of(&[0xFF, 0xD8]).complete);
        assert!(!Layout::of(&[0xFF, 0xD8, 0xFF, 0xD9]).complete);
        assert!(!Layout::of(&[0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 2, 3, 0xFF, 0x00]).complete);
        assert!(
            Layout::of(&[0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 0xFF, 0x00, 0xFF, 0xD0, 3, 0xFF, 0xD9])
                .complete
        );
    }

    /// A file of segments, each given by its marker, its body and the data after it.
    fn file(segments: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
        let mut file = vec![0xFF, 0xD8];
        for (marker, body, scan) in segments {
            file.extend([0xFF, *marker]);
            file.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
            file.extend(*body);
            file.extend(*scan);
        }
        file.extend([0xFF, 0xD9]);
        file
    }

    fn copy(bytes: &[u8]) -> Vec<u8> {
        let layout = Layout::of(bytes);
        let copy = essential(bytes, &layout);
        assert_eq!(copy.len() as u64, layout.essential_bytes);
        copy
    }

    #[test]
    fn metadata_is_left_out() {
        let scan = &[1, 0xFF, 0, 2, 0xFF, 0xD0, 3];
        let kept: &[(u8, &[u8], &[u8])] =
            &[(JFIF, b"JFIF\0", b""), (0xDB, b"table", b""), (START_OF_SCAN, b"scan", scan)];
        assert_eq!(copy(&file(kept)), file(kept));
        let all: &[(u8, &[u8], &[u8])] = &[
            kept[0],
            (0xE2, b"ICC_PROFILE\0", b""),
            (0xFE, b"", b""),
            kept[1],
            (EXIF, b"http://ns.adobe.com/xmp/extension/\0", b""),
            kept[2],
            (0xED, b"Photoshop 3.0\0", b""),
        ];
        assert_eq!(copy(&file(all)), file(kept));
    }

    #[test]
    fn what_stands_between_segments_is_left_out() {
        let file = [0xFF, 0xD8, 9, 0xFF, 0xD8, 0xFF, 0xFF, 0xDB, 0, 3, 7, 0, 0xFF, 0xD9, 5];
        assert_eq!(copy(&file), [0xFF, 0xD8, 0xFF, 0xDB, 0, 3, 7, 0xFF, 0xD9]);
    }

    #[test]
    fn the_last_exif_before_the_picture_counts() {
        let segments: &[(u8, &[u8], &[u8])] = &[
            (EXIF, b"Exif\0\0first", b""),
            (EXIF, b"Exif\0\0second", b""),
            (EXIF, b"Exif\0\0", b""),
            (EXIF, b"another", b""),
            (START_OF_SCAN, b"scan", b""),
            (EXIF, b"Exif\0\0late", b""),
        ];
        assert_eq!(Layout::of(&file(segments)).exif, Some(&b"second"[..]));
    }

    #[test]
    fn a_scan_that_leaves_components_out_keeps_coefficients() {
        let frame: &[u8] = &[8, 0, 8, 0, 8, 3, 1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1];
        let of = |scan: &[u8]| {
            Layout::of(&file(&[(0xC0, frame, b""), (START_OF_SCAN, scan, b"")])).coefficient_bytes
        };
        assert_eq!(of(&[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]), 0);
        assert_eq!(of(&[1, 1, 0, 0, 63, 0]), 3 * 64 * 2);
    }
}
