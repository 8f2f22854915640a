//! Many pictures at a time: threads read, and the caller takes results as they come.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use nibble_core::{Kernels, Precision};
use nibble_files::{Failure, Files, Read};
use nibble_reader::Reading;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator};

use crate::{Source, kernels, nothing, precision_of, value};

/// Maximum pictures per thread that are handed out and not yet taken by the caller.
const AHEAD: usize = 8;
/// Maximum threads: more do not help on any machine.
const MAX_THREADS: usize = 256;
/// How often a caller that waits looks for Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// A picture that was read, or not, and its name.
struct Done {
    file: Option<String>,
    result: Result<Read, Failure>,
}

/// Threads that read. When this is dropped, each ends after the picture that it reads.
struct Workers {
    jobs: mpsc::Sender<(usize, Source)>,
    /// In a mutex only because Python may move it between threads.
    done: Mutex<mpsc::Receiver<(usize, Done)>>,
}

impl Workers {
    fn start(kernels: Kernels, precision: Precision, threads: usize) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<(usize, Source)>();
        let queue = Arc::new(Mutex::new(queue));
        let (sender, done) = mpsc::channel();
        for _ in 0..threads {
            let (queue, sender) = (Arc::clone(&queue), sender.clone());
            let work = move || {
                let mut files = Files::new(kernels, precision);
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((index, source)) = next else { return };
                    let file = source.name();
                    let result = files.read(|| source.bytes());
                    if sender.send((index, Done { file, result })).is_err() {
                        return;
                    }
                }
            };
            std::thread::Builder::new().name("nibble-mrz".to_owned()).spawn(work)?;
        }
        Ok(Self { jobs, done: Mutex::new(done) })
    }
}

/// The iterator behind `read_many`.
#[pyclass(module = "nibble_mrz._nibble")]
pub(crate) struct Many {
    /// What is still to be read; `None` at its end.
    sources: Option<Py<PyIterator>>,
    /// An exception of `sources`, raised after the results of what came before it.
    raised: Option<PyErr>,
    ordered: bool,
    /// `None` after the last result.
    workers: Option<Workers>,
    nothing: Reading,
    /// Maximum pictures that are handed out and not yet taken.
    ahead: usize,
    handed_out: usize,
    taken: usize,
    /// Results that wait to be taken, by index.
    waiting: BTreeMap<usize, Done>,
}

#[pymethods]
impl Many {
    #[new]
    fn new(
        sources: &Bound<'_, PyAny>,
        threads: usize,
        precision: &str,
        ordered: bool,
    ) -> PyResult<Self> {
        let precision = precision_of(precision)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores } else { threads }.min(MAX_THREADS);
        let sources = Some(sources.try_iter()?.unbind());
        let kernels = kernels();
        let nothing = nothing(&Files::new(kernels, precision))?;
        let workers = Workers::start(kernels, precision, threads)
            .map_err(|error| PyRuntimeError::new_err(format!("no thread: {error}")))?;
        Ok(Self {
            sources,
            raised: None,
            ordered,
            workers: Some(workers),
            nothing,
            ahead: AHEAD * threads,
            handed_out: 0,
            taken: 0,
            waiting: BTreeMap::new(),
        })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            self.collect();
            if let Some((index, done)) = self.take() {
                self.taken += 1;
                let value = nibble_files::json(&done.result, &self.nothing, done.file.as_deref());
                let value = value::to_python(py, &value)?;
                value.set_item("index", index)?;
                return Ok(Some(value));
            }
            if self.handed_out - self.taken < self.ahead && self.sources.is_some() {
                self.hand_out(py)?;
                continue;
            }
            if self.handed_out == self.taken {
                self.workers = None;
                return self.raised.take().map_or(Ok(None), Err);
            }
            self.wait(py)?;
            py.check_signals()?;
        }
    }

    /// Stops: pictures that no thread has begun are not read.
    fn close(&mut self) {
        self.workers = None;
        self.sources = None;
        self.waiting.clear();
        self.taken = self.handed_out;
    }
}

impl Many {
    /// The result that comes next, if it is there.
    fn take(&mut self) -> Option<(usize, Done)> {
        let first = self.waiting.first_entry()?;
        (!self.ordered || *first.key() == self.taken).then(|| first.remove_entry())
    }

    /// Takes over the results that threads have finished.
    fn collect(&mut self) {
        let Some(workers) = &mut self.workers else { return };
        let done = workers.done.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.waiting.extend(done.try_iter());
    }

    /// Hands the next picture to the threads. An exception ends the pictures.
    fn hand_out(&mut self, py: Python<'_>) -> PyResult<()> {
        let next = self.sources.as_ref().and_then(|sources| sources.bind(py).clone().next());
        match next.map(|item| item.and_then(|item| source_of(&item))) {
            Some(Ok(source)) => {
                let workers = self.workers.as_ref();
                let sent =
                    workers.is_some_and(|to| to.jobs.send((self.handed_out, source)).is_ok());
                if !sent {
                    return Err(PyRuntimeError::new_err("the threads that read have ended"));
                }
                self.handed_out += 1;
            }
            Some(Err(error)) => {
                self.sources = None;
                self.raised = Some(error);
            }
            None => self.sources = None,
        }
        Ok(())
    }

    /// Waits for a result for a moment, while other threads of Python run.
    fn wait(&mut self, py: Python<'_>) -> PyResult<()> {
        let Some(workers) = &mut self.workers else { return Ok(()) };
        let done = workers.done.get_mut().unwrap_or_else(PoisonError::into_inner);
        match py.detach(move || done.recv_timeout(PATIENCE)) {
            Ok((index, result)) => {
                self.waiting.insert(index, result);
                Ok(())
            }
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(()),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(PyRuntimeError::new_err("the threads that read have ended"))
            }
        }
    }
}

/// A path, or the bytes of a file.
fn source_of(item: &Bound<'_, PyAny>) -> PyResult<Source> {
    match item.cast::<PyBytes>() {
        Ok(bytes) => Ok(Source::Bytes(bytes.as_bytes().to_vec())),
        Err(_) => Ok(Source::Path(item.extract::<PathBuf>()?)),
    }
}
