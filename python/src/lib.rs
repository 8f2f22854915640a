//! The engine of the Python package `nibble-mrz`: `nibble_mrz/__init__.py` is its interface.

mod many;
mod value;

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use nibble_core::{Kernels, OperandRange, Precision};
use nibble_files::{Failure, Files, Read, Unreadable, bytes_of_file, bytes_within_limit};
use nibble_gray::{Gray, rgb_to_gray, rgba_to_gray};
use nibble_reader::Reading;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

/// The kernels of this machine, tested once: those that compute wrongly are not used.
fn kernels() -> Kernels {
    static KERNELS: OnceLock<Kernels> = OnceLock::new();
    *KERNELS.get_or_init(|| {
        let mut kernels = Kernels::detect();
        kernels.choose_ranges(&OperandRange::ALL, None, &|_| true);
        kernels
    })
}

fn precision_of(name: &str) -> PyResult<Precision> {
    Precision::from_name(name).ok_or_else(|| {
        PyValueError::new_err(format!("precision is \"u4\", \"u8\" or \"f32\", not {name:?}"))
    })
}

fn nothing(files: &Files) -> PyResult<Reading> {
    files.nothing().map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

/// Readers that wait for the next call of `read`: as many as threads have called it at a time.
static IDLE: Mutex<Vec<(Precision, Files)>> = Mutex::new(Vec::new());

/// Reads with an idle reader, while other threads of Python run. The result is the dictionary.
fn with_files<'py>(
    py: Python<'py>,
    precision: &str,
    file: Option<&str>,
    work: impl Send + FnOnce(&mut Files) -> Result<Read, Failure>,
) -> PyResult<Bound<'py, PyAny>> {
    let precision = precision_of(precision)?;
    let (value, nothing) = py.detach(|| {
        let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let take = |mut idle: std::sync::MutexGuard<'_, Vec<(Precision, Files)>>| {
            let place = idle.iter().position(|(of, _)| *of == precision)?;
            Some(idle.swap_remove(place).1)
        };
        let mut files = take(idle()).unwrap_or_else(|| Files::new(kernels(), precision));
        let result = work(&mut files);
        let nothing = nothing(&files);
        idle().push((precision, files));
        (result, nothing)
    });
    value::to_python(py, &nibble_files::json(&value, &nothing?, file))
}

/// Reads the bytes of a picture's file.
#[pyfunction]
fn read_bytes<'py>(py: Python<'py>, data: &[u8], precision: &str) -> PyResult<Bound<'py, PyAny>> {
    with_files(py, precision, None, |files| files.read(|| bytes_within_limit(data)))
}

/// Reads a picture's file.
#[pyfunction]
fn read_path<'py>(py: Python<'py>, path: PathBuf, precision: &str) -> PyResult<Bound<'py, PyAny>> {
    let name = path.display().to_string();
    with_files(py, precision, Some(&name), |files| files.read(|| bytes_of_file(&path)))
}

/// Reads pixels of `channels` bytes, row by row.
#[pyfunction]
fn read_pixels<'py>(
    py: Python<'py>,
    data: &[u8],
    height: usize,
    width: usize,
    channels: usize,
    precision: &str,
) -> PyResult<Bound<'py, PyAny>> {
    if !matches!(channels, 1 | 3 | 4) {
        return Err(PyValueError::new_err(format!("1, 3 or 4 channels, not {channels}")));
    }
    let bytes = height.checked_mul(width).and_then(|pixels| pixels.checked_mul(channels));
    if bytes != Some(data.len()) || data.is_empty() {
        return Err(PyValueError::new_err("the picture has no pixels, or too few for its shape"));
    }
    with_files(py, precision, None, |files| {
        let mut pixels = data.to_vec();
        match channels {
            3 => rgb_to_gray(&mut pixels),
            4 => rgba_to_gray(&mut pixels),
            _ => {}
        }
        let gray = Gray::new(width, height, pixels).ok_or(Failure {
            code: "Internal",
            message: "the pixels are not those of the shape".to_owned(),
        })?;
        files.read_gray(&gray)
    })
}

/// What one picture of many is made of.
enum Source {
    Path(PathBuf),
    Bytes(Vec<u8>),
}

impl Source {
    fn name(&self) -> Option<String> {
        match self {
            Self::Path(path) => Some(path.display().to_string()),
            Self::Bytes(_) => None,
        }
    }

    fn bytes(self) -> Result<Vec<u8>, Unreadable> {
        match self {
            Self::Path(path) => bytes_of_file(&path),
            Self::Bytes(bytes) => bytes_within_limit(bytes.as_slice()),
        }
    }
}

/// The engine of the package `nibble_mrz`.
#[pymodule]
mod _nibble {
    #[pymodule_export]
    use super::many::Many;
    #[pymodule_export]
    use super::{read_bytes, read_path, read_pixels};

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python expects")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
