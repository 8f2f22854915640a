//! Why a file cannot be decoded to a picture.

use std::fmt;

/// Why a file cannot be decoded to a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PictureError {
    /// The file has no bytes.
    Empty,
    /// The content is not in any image format known here.
    NotAPicture,
    /// A known format that is not supported; holds its name.
    Unsupported(String),
    /// The file is truncated or damaged; holds the decoder's message.
    Broken(String),
    /// The picture has more pixels than allowed.
    TooLarge {
        /// Width in pixels as the file declares it.
        width: u32,
        /// Height in pixels as the file declares it.
        height: u32,
    },
    /// Decoding takes more memory than allowed: the pixels are large, the file is large, or its
    /// tables are out of proportion to the picture.
    TooMuchMemory {
        /// Width in pixels as the file declares it.
        width: u32,
        /// Height in pixels as the file declares it.
        height: u32,
        /// Bytes in use at the peak of decoding.
        needed: u64,
        /// Bytes allowed by the limits.
        allowed: u64,
    },
    /// A JPEG has so many scans that decoding takes more work than allowed.
    TooManyScans {
        /// Width in pixels as the file declares it.
        width: u32,
        /// Height in pixels as the file declares it.
        height: u32,
        /// Samples that all scans together visit.
        visits: u64,
        /// Samples that they may visit.
        allowed: u64,
    },
}

impl PictureError {
    /// A stable name for programs. Too many pixels, too much memory and too many scans share one,
    /// because the remedy is the same: a smaller picture.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::NotAPicture => "NotAPicture",
            Self::Unsupported(_) => "Unsupported",
            Self::Broken(_) => "Broken",
            Self::TooLarge { .. } | Self::TooMuchMemory { .. } | Self::TooManyScans { .. } => {
                "TooLarge"
            }
        }
    }
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::NotAPicture => f.write_str("the file is not a picture"),
            Self::Unsupported(what) => write!(f, "this kind of file is not read here: {what}"),
            Self::Broken(why) => write!(f, "the picture is damaged: {why}"),
            Self::TooLarge { width, height } => {
                write!(f, "the picture is too large: {width} x {height} pixels")
            }
            Self::TooMuchMemory { width, height, needed, allowed } => write!(
                f,
                "the picture takes too much memory: {} MB for {width} x {height} pixels; \
                 {} MB are allowed",
                needed.div_ceil(1_000_000),
                allowed / 1_000_000
            ),
            Self::TooManyScans { width, height, visits, allowed } => write!(
                f,
                "the picture has too many scans: they visit {} million samples of {width} x {height} \
                 pixels; {} million are allowed",
                visits.div_ceil(1_000_000),
                allowed / 1_000_000
            ),
        }
    }
}

impl std::error::Error for PictureError {}
