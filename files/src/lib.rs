//! Picture files to readings, as the command line and the Python package need them: files are read
//! within limits, a picture never stops the program, and the result is the JSON of `docs/json.md`.
#![forbid(unsafe_code)]

mod bytes;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use nibble_core::{Kernels, Model, ModelError, Network, Precision};
use nibble_gray::Gray;
use nibble_picture::{Limits, decode};
use nibble_reader::{Fusion, Reader, Reading};
use serde_json::{Value, json};

pub use bytes::{Unreadable, bytes_of_file, bytes_within_limit};

/// The bytes of the bundled model file of a precision.
#[must_use]
pub fn model(precision: Precision) -> &'static [u8] {
    match precision {
        Precision::F32 => nibble_models::OCR_F32,
        Precision::U8 => nibble_models::OCR_U8,
        Precision::U4 => nibble_models::OCR_U4,
    }
}

/// A reader with the bundled networks: that of a precision, on the given kernels, and the locator.
///
/// # Errors
/// None with the committed models.
pub fn reader_on(kernels: &Kernels, precision: Precision) -> Result<Reader, ModelError> {
    let locator = Network::with_kernels(Model::parse(nibble_models::LOCATE_U4)?, kernels)?;
    Reader::with_network(Network::with_kernels(Model::parse(model(precision))?, kernels)?)?
        .with_locator(locator)
}

/// A picture that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// What the reader found.
    pub reading: Reading,
    /// Milliseconds taken to read and decode the file.
    pub decode_ms: f64,
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For programs: one of the codes in `docs/json.md`.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl Failure {
    fn internal() -> Self {
        Self {
            code: "Internal",
            message: "reading this picture failed because of a bug in this program".to_owned(),
        }
    }
}

/// Reads one picture after another. A panic while it reads one costs only that result.
#[derive(Debug)]
pub struct Files {
    kernels: Kernels,
    precision: Precision,
    /// Whether pictures are frames of one film.
    film: bool,
    /// Made when it is needed, and again after a panic.
    kept: Option<Kept>,
}

/// What is kept from picture to picture.
#[derive(Debug)]
struct Kept {
    reader: Reader,
    /// What the frames of a film have shown so far; `None` if pictures stand alone.
    fusion: Option<Fusion>,
}

impl Kept {
    fn read(&mut self, gray: &Gray, begin: Instant) -> Reading {
        let mut clock = || milliseconds(begin);
        match &mut self.fusion {
            Some(fusion) => self.reader.fuse_timed(gray, fusion, &mut clock),
            None => self.reader.read_timed(gray, &mut clock),
        }
    }
}

impl Files {
    /// With the bundled networks of a precision.
    #[must_use]
    pub fn new(kernels: Kernels, precision: Precision) -> Self {
        Self { kernels, precision, film: false, kept: None }
    }

    /// As [`Files::new`], for frames of one film in their order: each reading is what all frames so
    /// far give together ([`Reader::fuse`]).
    #[must_use]
    pub fn of_film(kernels: Kernels, precision: Precision) -> Self {
        Self { film: true, ..Self::new(kernels, precision) }
    }

    /// Reads the picture in the bytes that `load` returns.
    ///
    /// # Errors
    /// [`Failure`] if there are none, or they are no picture that can be decoded.
    pub fn read<B: AsRef<[u8]>>(
        &mut self,
        load: impl FnOnce() -> Result<B, Unreadable>,
    ) -> Result<Read, Failure> {
        let begin = Instant::now();
        self.guarded(|kept| {
            let bytes = load()?;
            let gray = decode(bytes.as_ref(), &Limits::NATIVE)
                .map_err(|error| Failure { code: error.code(), message: error.to_string() })?;
            drop(bytes);
            let decode_ms = milliseconds(begin);
            Ok(Read { reading: kept.read(&gray, begin), decode_ms })
        })
    }

    /// Reads a picture that is decoded already.
    ///
    /// # Errors
    /// [`Failure`] with the code `TooLarge` if it has more pixels than a file may have.
    pub fn read_gray(&mut self, gray: &Gray) -> Result<Read, Failure> {
        let begin = Instant::now();
        let pixels = gray.width().saturating_mul(gray.height());
        if u64::try_from(pixels).is_ok_and(|pixels| pixels > MAX_PIXELS) {
            let message = format!("the picture has more than {MAX_PIXELS} pixels");
            return Err(Failure { code: "TooLarge", message });
        }
        self.guarded(|kept| Ok(Read { reading: kept.read(gray, begin), decode_ms: 0.0 }))
    }

    /// The reading reported for what cannot be read.
    ///
    /// # Errors
    /// None with the committed models.
    pub fn nothing(&self) -> Result<Reading, ModelError> {
        match &self.kept {
            Some(kept) => Ok(kept.reader.nothing()),
            None => Ok(reader_on(&self.kernels, self.precision)?.nothing()),
        }
    }

    fn guarded(
        &mut self,
        work: impl FnOnce(&mut Kept) -> Result<Read, Failure>,
    ) -> Result<Read, Failure> {
        let (kernels, precision, film) = (self.kernels, self.precision, self.film);
        let fresh = || {
            let reader = reader_on(&kernels, precision).ok()?;
            Some(Kept { reader, fusion: film.then(Fusion::default) })
        };
        guarded(&mut self.kept, &fresh, work)
    }
}

/// Maximum pixels of a picture, decoded or not.
const MAX_PIXELS: u64 = Limits::NATIVE.max_pixels;

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// Calls `work` with the kept value, or with a fresh one. A panic is a bug in this program, but it
/// must cost only this result: the value, which may be in any state, is dropped.
fn guarded<T, R>(
    kept: &mut Option<T>,
    fresh: &dyn Fn() -> Option<T>,
    work: impl FnOnce(&mut T) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let mut value = kept.take().or_else(fresh).ok_or_else(Failure::internal)?;
    let result = catch_unwind(AssertUnwindSafe(|| work(&mut value)));
    let result = result.map_err(|_| Failure::internal())?;
    *kept = Some(value);
    result
}

/// The JSON object that `docs/json.md` describes. `nothing` is [`Files::nothing`]; `file` is the
/// name as given, where there is one.
#[must_use]
pub fn json(result: &Result<Read, Failure>, nothing: &Reading, file: Option<&str>) -> Value {
    let (mut value, error) = match result {
        Ok(read) => {
            let mut value = serde_json::to_value(&read.reading).unwrap_or_default();
            value["ms"]["decode"] = json!(read.decode_ms);
            value["ms"]["total"] = json!(read.decode_ms + read.reading.ms.total);
            (value, Value::Null)
        }
        Err(failure) => {
            let mut value = serde_json::to_value(nothing).unwrap_or_default();
            value["gray_digest"] = Value::Null;
            (value, json!({"code": failure.code, "message": failure.message}))
        }
    };
    value["file"] = json!(file);
    value["error"] = error;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_one_result() {
        let mut kept = Some(1);
        let fresh = || Some(10);
        let add = |value: &mut i32| -> Result<i32, Failure> {
            *value += 1;
            assert_ne!(*value, 3, "this work panics");
            Ok(*value)
        };
        assert_eq!(guarded(&mut kept, &fresh, add).ok(), Some(2));
        let failure = guarded(&mut kept, &fresh, add).expect_err("it panicked");
        assert_eq!((failure.code, kept), ("Internal", None));
        assert_eq!(guarded(&mut kept, &fresh, add).ok(), Some(11), "a fresh value");
        assert!(guarded(&mut None, &|| None, add).is_err());
    }

    #[test]
    fn failures_have_the_keys_of_readings() {
        let mut files = Files::new(Kernels::detect(), Precision::U4);
        let nothing = files.nothing().expect("committed models");
        let white = Gray::new(64, 64, vec![255; 64 * 64]).expect("a pixel for each place");
        let read = json(&files.read_gray(&white), &nothing, None);
        let failed = json(&files.read(|| Ok(b"no picture")), &nothing, Some("a"));
        let keys = |value: &Value| -> Vec<String> {
            value.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default()
        };
        assert!(keys(&read).len() > 10);
        assert_eq!(keys(&read), keys(&failed));
        assert_eq!(failed["error"]["code"], "NotAPicture");
        assert_eq!((&read["file"], &failed["file"]), (&Value::Null, &json!("a")));
    }

    #[test]
    fn too_many_pixels_are_refused() {
        let side = usize::try_from(MAX_PIXELS).expect("64 bits") + 1;
        let long = Gray::new(side, 1, vec![0; side]).expect("a pixel for each place");
        let failure = Files::new(Kernels::detect(), Precision::U4).read_gray(&long);
        assert_eq!(failure.expect_err("too large").code, "TooLarge");
    }
}
