//! Frames of films to one reading.

use nibble_gray::Gray;
use nibble_reader::Fusion;

use crate::bytes::Bytes;
use crate::reading::{assert_holds_together, with_reader};
use crate::scene::{Canvas, specimens};

/// Maximum frames of a film.
const MAX_FRAMES: usize = 6;

/// Fuses the frames of a film: of one document or several in turn, shifted, damaged, blank, of other
/// sizes. Readings hold together, and no more frames contribute than there were.
///
/// # Panics
/// If that is not so.
pub fn fusion(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let count = bytes.below(MAX_FRAMES) + 1;
    let (first, second) = (bytes.below(specimens().len()), bytes.below(specimens().len()));
    let mut fusion = Fusion::default();
    for seen in 1..=count {
        let frame = frame(&mut bytes, [first, second]);
        let reading = with_reader(seen > 1, |reader| reader.fuse(&frame, &mut fusion));
        assert_holds_together(&reading);
        assert_eq!(reading.frames, fusion.frames());
        assert!(fusion.frames() <= seen);
        if bytes.below(32) == 0 {
            fusion = fusion.clone();
        }
    }
}

/// The next frame of a film of two documents.
fn frame(bytes: &mut Bytes<'_>, documents: [usize; 2]) -> Gray {
    let mut canvas = match bytes.below(8) {
        0 => Canvas::plain(bytes),
        1 => Canvas::of(&specimens()[documents[1]]),
        _ => {
            let whole = &specimens()[documents[0]];
            // A hand moves: another part of the picture is seen.
            let (left, top) = (bytes.below(24), bytes.below(24));
            let (width, height) = (whole.width() - left, whole.height() - top);
            let rows = (top..whole.height()).flat_map(|y| &whole.row(y)[left..]);
            Canvas::of(&Gray::new(width, height, rows.copied().collect()).expect("a part"))
        }
    };
    let damages = bytes.below(4);
    canvas.damages(bytes, damages);
    canvas.gray()
}
