//! Gray pictures of any size to readings.

use std::cell::RefCell;

use nibble_core::Precision;
use nibble_reader::{Fusion, Reader, Reading};

use crate::bytes::Bytes;
use crate::scene::{Canvas, specimens};

/// Maximum strips of a hasty reader. The rest of a search repeats what the first strips do, and in
/// pictures full of lines it takes most of the time.
const HASTY_STRIPS: usize = 12;

thread_local! {
    /// Readers keep their buffers from picture to picture, as they do in a program.
    static READER: RefCell<Option<Reader>> = const { RefCell::new(None) };
    static HASTY: RefCell<Option<Reader>> = const { RefCell::new(None) };
}

/// Calls `work` with this thread's reader, or its hasty one.
pub(crate) fn with_reader<T>(is_hasty: bool, work: impl FnOnce(&mut Reader) -> T) -> T {
    let readers = if is_hasty { &HASTY } else { &READER };
    readers.with_borrow_mut(|reader| {
        let reader = reader.get_or_insert_with(|| {
            let reader = Reader::with_bundled_model(Precision::U4).expect("a committed model");
            if is_hasty { reader.with_max_strips(HASTY_STRIPS) } else { reader }
        });
        work(reader)
    })
}

/// Reads a picture that the input describes: a reading holds together, and does not depend on what
/// was read before.
///
/// # Panics
/// If that is not so.
pub fn reading(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let kind = bytes.below(6);
    let mut canvas = match specimens().get(kind) {
        Some(specimen) => Canvas::of(specimen),
        None => Canvas::plain(&mut bytes),
    };
    let [again, is_hasty] = [bytes.below(16) == 0, bytes.below(8) > 0];
    canvas.damages(&mut bytes, 12);
    let gray = canvas.gray();
    with_reader(is_hasty, |reader| {
        let reading = reader.read(&gray);
        assert_holds_together(&reading);
        if again {
            let _ = reader.fuse(&gray, &mut Fusion::default());
            assert_eq!(reader.read(&gray), reading);
        }
    });
}

/// What every reading promises.
pub(crate) fn assert_holds_together(reading: &Reading) {
    let lines = reading.lines.len();
    assert_eq!(reading.raw_lines.len(), lines);
    assert_eq!(reading.confidences.len(), lines);
    assert!([0, lines].contains(&reading.quads.len()), "{} quads", reading.quads.len());
    assert_eq!(reading.document.is_some(), lines > 0);
    for (line, confidences) in reading.lines.iter().zip(&reading.confidences) {
        assert_eq!(line.len(), confidences.len());
        let share = |confidence: &f32| (0.0..=1.0).contains(confidence);
        assert!(confidences.iter().all(share), "{confidences:?}");
    }
    for review in &reading.review {
        assert!((0.0..=1.0).contains(&review.confidence), "{review:?}");
    }
    let finite =
        reading.quads.iter().flatten().all(|point| point.x.is_finite() && point.y.is_finite());
    assert!(finite, "{:?}", reading.quads);
    if reading.valid {
        assert!(reading.not_valid_because.is_empty());
        assert!(!reading.checks.is_empty() && reading.checks.iter().all(|check| check.ok));
        let zone = nibble_mrz::parse_lines(&reading.lines).expect("a valid reading is a zone");
        assert!(zone.checks_agree());
    }
    assert!(serde_json::to_string(reading).is_ok());
}
