//! The memory needed to decode a file, computed before any of it is allocated.

use crate::{Limits, PictureError};

/// Working memory that [`Limits::max_bytes`] does not count: the decoder's tables, rows and
/// bookkeeping, which do not grow with the picture. Only what exceeds this is counted.
const MAX_UNCOUNTED: u64 = 1 << 20;

/// The peak memory of decoding a file, computed from what the file declares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    width: u32,
    height: u32,
    /// Bytes of the file, which stays in memory throughout.
    file: u64,
    /// Bytes in use at the peak, the file included.
    peak: u64,
}

impl Cost {
    /// The cost of holding `file`, whose picture is `width` x `height` pixels.
    ///
    /// # Errors
    /// [`PictureError::Broken`] if the picture has no pixels.
    pub(crate) fn new(file: &[u8], width: u32, height: u32) -> Result<Self, PictureError> {
        if width == 0 || height == 0 {
            return Err(PictureError::Broken("the picture has no pixels".to_owned()));
        }
        let file = file.len() as u64;
        Ok(Self { width, height, file, peak: file })
    }

    /// Number of pixels in the picture.
    pub(crate) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Adds buffers that are in use at the peak.
    pub(crate) fn with(self, bytes: u64) -> Self {
        Self { peak: self.peak.saturating_add(bytes), ..self }
    }

    /// Adds a decoder's working memory beyond the uncounted part. Call it only once per file.
    pub(crate) fn with_working(self, bytes: u64) -> Self {
        self.with(bytes.saturating_sub(MAX_UNCOUNTED))
    }

    /// The working memory above which no file can be within `limits`.
    #[cfg(feature = "webp")]
    pub(crate) fn max_working(limits: &Limits) -> u64 {
        limits.max_bytes.saturating_add(MAX_UNCOUNTED)
    }

    /// Includes the memory for turning the picture: one gray byte per pixel, before and after.
    pub(crate) fn with_turn(self) -> Self {
        let turning = self.file.saturating_add(self.pixels().saturating_mul(2));
        Self { peak: self.peak.max(turning), ..self }
    }

    /// The error for a picture with too many pixels.
    pub(crate) fn too_large(&self) -> PictureError {
        PictureError::TooLarge { width: self.width, height: self.height }
    }

    /// Checks the number of pixels and the peak memory.
    ///
    /// # Errors
    /// [`PictureError::TooLarge`] or [`PictureError::TooMuchMemory`].
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), PictureError> {
        let Self { width, height, peak, .. } = *self;
        if self.pixels() > limits.max_pixels {
            return Err(self.too_large());
        }
        if peak > limits.max_bytes {
            let allowed = limits.max_bytes;
            return Err(PictureError::TooMuchMemory { width, height, needed: peak, allowed });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { max_pixels: 100, max_bytes: 1000 };

    #[test]
    fn pixels_and_bytes_are_checked() {
        let code = |cost: Cost| cost.check(&LIMITS).map_err(|error| error.code());
        assert_eq!(code(Cost::new(&[0; 10], 10, 10).unwrap().with(990)), Ok(()));
        assert_eq!(code(Cost::new(&[0; 10], 10, 10).unwrap().with(991)), Err("TooLarge"));
        assert_eq!(code(Cost::new(&[0; 10], 101, 1).unwrap()), Err("TooLarge"));
        assert_eq!(
            code(Cost::new(&[], u32::MAX, u32::MAX).unwrap().with(u64::MAX)),
            Err("TooLarge")
        );
        assert!(Cost::new(&[], 0, 1).is_err());
    }

    #[test]
    fn a_little_working_memory_is_free() {
        let cost = Cost::new(&[], 1, 1).unwrap();
        assert!(cost.with_working(MAX_UNCOUNTED + 1000).check(&LIMITS).is_ok());
        assert!(cost.with_working(MAX_UNCOUNTED + 1001).check(&LIMITS).is_err());
    }

    #[test]
    fn turning_takes_the_picture_twice() {
        let cost = Cost::new(&[0; 801], 10, 10).unwrap().with(100);
        assert!(cost.check(&LIMITS).is_ok());
        assert!(cost.with_turn().check(&LIMITS).is_err());
    }
}
