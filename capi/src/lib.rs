//! The networks of `nibble-core` for C: `include/nibble.h` declares what is here.
//!
//! # Contracts
//! Every function accepts null pointers: it returns [`Status::InvalidArgument`], 0 or null then.
//! For all other pointers, the caller must ensure what the function's section "Safety" says. No
//! panic reaches the caller: a bug of ours becomes [`Status::Internal`].
//!
//! A network may be moved to another thread. Two threads must not use it at the same time.

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};

use nibble_core::ModelError;
use nibble_core::graph::{Graph, Input, Kind, Limits, RunError, Runner, Values};

/// Whether a call succeeded, and if not, why.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It succeeded.
    Ok = 0,
    /// An argument is null or does not suit the network.
    InvalidArgument = 1,
    /// The file is damaged, or is no model file.
    ModelInvalid = 2,
    /// The run would exceed a limit: by default 1 GiB of memory and 2^40 multiply-adds.
    TooLarge = 3,
    /// A bug of the library. After that, the network can only be freed.
    Internal = 4,
}

/// What the elements of a tensor are.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// Codes of 4 bits, a byte each. As an input, bytes from 0 to 255.
    U4 = 0,
    /// Codes of 8 bits.
    U8 = 1,
    /// 32-bit sums or indices.
    I32 = 2,
    /// Single precision.
    F32 = 3,
}

/// An input or an output as the file describes it. What it points to lives as long as the network.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Tensor {
    /// The name, in UTF-8.
    pub name: *const c_char,
    /// What the elements are.
    pub element_type: ElementType,
    /// Rows of an input; 0 if they can differ from run to run, and for outputs.
    pub height: usize,
    /// Columns, likewise.
    pub width: usize,
    /// Channels of an input, interleaved; 0 for outputs.
    pub channels: usize,
    /// The value of one step: one for codes; for sums, one for all or one for each channel. Null
    /// for single precision.
    pub scales: *const f32,
    /// How many scales there are.
    pub scale_count: usize,
    /// The codes that mean 0: one for all, or one for each channel. Null unless they are codes.
    pub zero_points: *const u8,
    /// How many zero points there are.
    pub zero_point_count: usize,
}

/// The rows and columns of an input.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// The values of an input for a run, `[row][column][channel]`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct RunInput {
    /// The values of an input of codes, otherwise null.
    pub bytes: *const u8,
    /// The values of an input of single precision, otherwise null.
    pub reals: *const f32,
    /// How many values there are.
    pub length: usize,
    /// Rows and columns.
    pub size: Size,
}

/// An output of the last run. `elements` lives until the network runs again or is freed.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// `uint8_t` for codes, `int32_t` for sums, `float` for single precision.
    pub elements: *const c_void,
    /// How many elements there are: `rows * columns * channels`.
    pub length: usize,
    /// What the elements are.
    pub element_type: ElementType,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Channels.
    pub channels: usize,
}

/// A network that is ready to run, with its memory.
#[derive(Debug)]
pub struct Network {
    runner: Runner,
    /// Names of the inputs, then of the outputs.
    names: Vec<CString>,
    /// A call has panicked, so the network's state is unknown.
    is_broken: bool,
}

/// Why a call did not succeed.
struct Failure {
    status: Status,
    text: String,
}

impl Failure {
    fn argument(text: impl Into<String>) -> Self {
        Self { status: Status::InvalidArgument, text: text.into() }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self { status: Status::ModelInvalid, text: error.to_string() }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let status = match error {
            RunError::TooLarge { .. }
            | RunError::InputTooLarge { .. }
            | RunError::TooMuchWork { .. } => Status::TooLarge,
            _ => Status::InvalidArgument,
        };
        Self { status, text: error.to_string() }
    }
}

thread_local! {
    /// The text of the last failure on this thread.
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Keeps the text of a failure for [`nibble_last_error`].
fn keep(text: String) {
    let bytes: Vec<u8> = text.into_bytes().into_iter().filter(|&byte| byte != 0).collect();
    // A string of C must not contain zero bytes.
    LAST_ERROR.set(CString::new(bytes).unwrap_or_default());
}

/// Does the work of a function: catches panics, and keeps the text of failures.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Status> {
    // Nobody sees what a panic leaves behind: the network is marked as broken.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => {
            LAST_ERROR.set(CString::default());
            Ok(value)
        }
        Ok(Err(Failure { status, text })) => {
            keep(text);
            Err(status)
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            keep(format!("a bug of the library: {}", text.unwrap_or("it panicked")));
            Err(Status::Internal)
        }
    }
}

fn status(result: Result<(), Status>) -> Status {
    result.err().unwrap_or(Status::Ok)
}

/// The network behind a pointer of C.
///
/// # Safety
/// `network` is null, or was made by [`nibble_network_create`] and not freed, and no other thread
/// uses it meanwhile.
unsafe fn seen<'a>(network: *const Network) -> Result<&'a Network, Failure> {
    // SAFETY: null gives `None`; otherwise it points to a network that lives, as promised above, and
    // this crate hands out no reference to one.
    let network = unsafe { network.as_ref() };
    let network = network.ok_or_else(|| Failure::argument("the network is null"))?;
    if network.is_broken {
        let text = "a bug of the library has stopped this network before".to_owned();
        return Err(Failure { status: Status::Internal, text });
    }
    Ok(network)
}

/// Values behind a pointer of C.
///
/// # Safety
/// If `pointer` is not null, `count` values lie there, and nobody changes them meanwhile.
unsafe fn slice<'a, T>(pointer: *const T, count: usize, what: &str) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Failure::argument(format!("{what}: the pointer is null or not aligned")));
    }
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Failure::argument(format!("{what}: {count} values exceed any memory")));
    }
    // SAFETY: the pointer is neither null nor misaligned, the values are as many as fit an object,
    // and they are there, as promised above.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Stores a value where C wants it.
///
/// # Safety
/// `to` is null, or a `T` can be written there.
unsafe fn store<T>(to: *mut T, value: T) -> Result<(), Failure> {
    if to.is_null() || !to.is_aligned() {
        return Err(Failure::argument("the place of the answer is null or not aligned"));
    }
    // SAFETY: it is neither null nor misaligned, and can be written, as promised above.
    unsafe { to.write(value) };
    Ok(())
}

/// The text of the last failure on this thread; empty if the last call succeeded. It lives until
/// this thread's next call.
#[unsafe(no_mangle)]
pub extern "C" fn nibble_last_error() -> *const c_char {
    LAST_ERROR.with_borrow(|text| text.as_ptr())
}

/// Loads a network from the bytes of a model file, which may be freed after that. Null if it cannot
/// be used: `nibble_last_error` names the node or the tensor.
///
/// # Safety
/// `length` bytes lie at `file`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_create(file: *const u8, length: usize) -> *mut Network {
    let made = guarded(|| {
        // SAFETY: the caller promises that the bytes are there.
        let file = unsafe { slice(file, length, "the file") }?;
        let graph = Graph::parse(file)?;
        let inputs = graph.inputs.iter().map(|source| source.tensor);
        let ends = inputs.chain(graph.outputs.iter().copied());
        let names = ends.map(|tensor| {
            let name = graph.tensors[tensor].name.clone();
            CString::new(name).map_err(|_| {
                let text = "the name of an input or output has a zero byte".to_owned();
                Failure { status: Status::ModelInvalid, text }
            })
        });
        let names = names.collect::<Result<Vec<_>, _>>()?;
        let runner = Runner::new(graph)?;
        Ok(Box::into_raw(Box::new(Network { runner, names, is_broken: false })))
    });
    made.unwrap_or(null_mut())
}

/// Frees a network, and everything that points into it.
///
/// # Safety
/// `network` is null, or was made by `nibble_network_create` and not freed; nobody uses it after
/// that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_free(network: *mut Network) {
    if network.is_null() {
        return;
    }
    let _ = guarded(|| {
        // SAFETY: it came from `Box::into_raw`, and this is the only time that it goes back.
        drop(unsafe { Box::from_raw(network) });
        Ok(())
    });
}

/// Number of inputs; 0 if the network is null.
///
/// # Safety
/// `network` is null or lives, and no other thread uses it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_input_count(network: *const Network) -> usize {
    // SAFETY: as the caller promises.
    guarded(|| Ok(unsafe { seen(network) }?.runner.graph().inputs.len())).unwrap_or(0)
}

/// Number of outputs; 0 if the network is null.
///
/// # Safety
/// `network` is null or lives, and no other thread uses it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_output_count(network: *const Network) -> usize {
    // SAFETY: as the caller promises.
    guarded(|| Ok(unsafe { seen(network) }?.runner.graph().outputs.len())).unwrap_or(0)
}

/// Describes the input at `place`, counted from 0.
///
/// # Safety
/// `network` is null or lives, and no other thread uses it meanwhile. `tensor` is null, or can be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_input(
    network: *const Network,
    place: usize,
    tensor: *mut Tensor,
) -> Status {
    status(guarded(|| {
        // SAFETY: as the caller promises.
        let network = unsafe { seen(network) }?;
        let source = network.runner.graph().inputs.get(place);
        let source = source.ok_or_else(|| Failure::argument(format!("no input {place}")))?;
        let described = Tensor {
            height: source.height.unwrap_or(0),
            width: source.width.unwrap_or(0),
            channels: source.channels,
            ..described(network, source.tensor, place)
        };
        // SAFETY: as the caller promises.
        unsafe { store(tensor, described) }
    }))
}

/// Describes the output at `place`, counted from 0. Its shape is known after a run.
///
/// # Safety
/// As for `nibble_network_input`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_output(
    network: *const Network,
    place: usize,
    tensor: *mut Tensor,
) -> Status {
    status(guarded(|| {
        // SAFETY: as the caller promises.
        let network = unsafe { seen(network) }?;
        let graph = network.runner.graph();
        let &output = graph
            .outputs
            .get(place)
            .ok_or_else(|| Failure::argument(format!("no output {place}")))?;
        let described = described(network, output, graph.inputs.len() + place);
        // SAFETY: as the caller promises.
        unsafe { store(tensor, described) }
    }))
}

/// Describes a tensor whose name is at a place of the network's list.
fn described(network: &Network, tensor: usize, name: usize) -> Tensor {
    let graph = network.runner.graph();
    let kind = &graph.tensors[tensor].kind;
    let (scales, zero_points): (&[f32], &[u8]) = match kind {
        Kind::Codes(codes) => (std::slice::from_ref(&codes.scale), &codes.zero_points),
        Kind::Sums => (graph.steps_of_sums(tensor), &[]),
        Kind::Reals => (&[], &[]),
    };
    Tensor {
        name: network.names[name].as_ptr(),
        element_type: element_type(kind),
        height: 0,
        width: 0,
        channels: 0,
        scales: if scales.is_empty() { null() } else { scales.as_ptr() },
        scale_count: scales.len(),
        zero_points: if zero_points.is_empty() { null() } else { zero_points.as_ptr() },
        zero_point_count: zero_points.len(),
    }
}

fn element_type(kind: &Kind) -> ElementType {
    match kind {
        Kind::Codes(codes) if codes.bits == 4 => ElementType::U4,
        Kind::Codes(_) => ElementType::U8,
        Kind::Sums => ElementType::I32,
        Kind::Reals => ElementType::F32,
    }
}

/// Stores how many bytes of memory a run on inputs of these sizes takes, without the weights.
/// `sizes` has one size for each input, in order.
///
/// # Safety
/// As for `nibble_network_input`; `count` sizes lie at `sizes`, and `bytes` is null, or can be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_peak_bytes(
    network: *const Network,
    sizes: *const Size,
    count: usize,
    bytes: *mut usize,
) -> Status {
    status(guarded(|| {
        // SAFETY: as the caller promises.
        let network = unsafe { seen(network) }?;
        // SAFETY: as the caller promises.
        let sizes = unsafe { slice(sizes, count, "the sizes") }?;
        let sizes: Vec<[usize; 2]> = sizes.iter().map(|size| [size.height, size.width]).collect();
        let peak = network.runner.peak_bytes(&sizes)?;
        // SAFETY: as the caller promises.
        unsafe { store(bytes, peak) }
    }))
}

/// Sets the limits of later runs: bytes of memory, apart from the weights, and multiply-adds. The
/// outputs of the last run are lost.
///
/// # Safety
/// `network` is null or lives, and no other thread uses it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_limit(
    network: *mut Network,
    max_bytes: usize,
    max_multiply_adds: u64,
) -> Status {
    status(guarded(|| {
        // SAFETY: as the caller promises.
        unsafe { seen(network) }?;
        // SAFETY: `seen` has refused null, and the reference that it made has ended. Nobody else
        // uses the network, as the caller promises.
        let network = unsafe { &mut *network };
        network.runner.set_limits(Limits { max_bytes, max_multiply_adds });
        Ok(())
    }))
}

/// Runs the network. `inputs` has one element for each input, in order. The first run on inputs of
/// a size takes the memory that `nibble_network_peak_bytes` reports; later runs use it again.
///
/// # Safety
/// `network` is null or lives, and no other thread uses it meanwhile. `count` inputs lie at `inputs`,
/// and at each pointer in them that is not null, `length` values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_run(
    network: *mut Network,
    inputs: *const RunInput,
    count: usize,
) -> Status {
    let result = guarded(|| {
        // SAFETY: as the caller promises.
        unsafe { seen(network) }?;
        // SAFETY: `seen` has refused null, and the reference that it made has ended. Nobody else uses
        // the network, as the caller promises.
        let network = unsafe { &mut *network };
        // SAFETY: as the caller promises.
        let inputs = unsafe { slice(inputs, count, "the inputs") }?;
        let given = inputs.iter().map(|input| {
            let Size { height, width } = input.size;
            if input.bytes.is_null() {
                // SAFETY: as the caller promises.
                let reals = unsafe { slice(input.reals, input.length, "an input") }?;
                Ok(Input::reals(reals, height, width))
            } else if input.reals.is_null() {
                // SAFETY: as the caller promises.
                let bytes = unsafe { slice(input.bytes, input.length, "an input") }?;
                Ok(Input::bytes(bytes, height, width))
            } else {
                Err(Failure::argument("an input has bytes or reals, not both"))
            }
        });
        let given = given.collect::<Result<Vec<_>, _>>()?;
        // A panic leaves this as it is.
        network.is_broken = true;
        let outcome = network.runner.run(&given).map(|_| ());
        network.is_broken = false;
        Ok(outcome?)
    });
    status(result)
}

/// Stores where an output of the last run is, and its shape. `place` is counted from 0.
///
/// # Safety
/// As for `nibble_network_input`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_result(
    network: *const Network,
    place: usize,
    output: *mut Output,
) -> Status {
    status(guarded(|| {
        // SAFETY: as the caller promises.
        let network = unsafe { seen(network) }?;
        let view = result(network, place)?;
        let graph = network.runner.graph();
        let (elements, length) = match view.values {
            Values::Codes(codes) => (codes.as_ptr().cast(), codes.len()),
            Values::Sums(sums) => (sums.as_ptr().cast(), sums.len()),
            Values::Reals(reals) => (reals.as_ptr().cast(), reals.len()),
        };
        let found = Output {
            elements,
            length,
            element_type: element_type(&graph.tensors[graph.outputs[place]].kind),
            rows: view.shape.rows,
            columns: view.shape.columns,
            channels: view.shape.channels,
        };
        // SAFETY: as the caller promises.
        unsafe { store(output, found) }
    }))
}

/// Stores the real numbers that the elements of an output of the last run stand for. `length` is
/// that of the output.
///
/// # Safety
/// As for `nibble_network_input`; `reals` is null, or `length` values can be written there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nibble_network_reals(
    network: *const Network,
    place: usize,
    reals: *mut f32,
    length: usize,
) -> Status {
    status(guarded(|| {
        // SAFETY: as the caller promises.
        let network = unsafe { seen(network) }?;
        let found = result(network, place)?.to_f32();
        if found.len() != length {
            let text = format!("output {place} has {} elements, not {length}", found.len());
            return Err(Failure::argument(text));
        }
        if reals.is_null() || !reals.is_aligned() {
            return Err(Failure::argument("the place of the answer is null or not aligned"));
        }
        // SAFETY: `length` values can be written there, as the caller promises, and the copy was
        // just allocated, so that they do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(found.as_ptr(), reals, length) };
        Ok(())
    }))
}

/// An output of the last run.
fn result(network: &Network, place: usize) -> Result<nibble_core::graph::View<'_>, Failure> {
    let outputs = network.runner.outputs();
    let outputs = outputs.ok_or_else(|| Failure::argument("the network has not run"))?;
    if place >= outputs.len() {
        return Err(Failure::argument(format!("no output {place}")));
    }
    Ok(outputs.at(place))
}

/// A network may be freed and used by another thread than the one that made it.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Network>();
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_with_its_text() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let found = guarded::<()>(|| panic!("layer {}", 3));
        std::panic::set_hook(hook);
        assert_eq!(found, Err(Status::Internal));
        let text = LAST_ERROR.with_borrow(Clone::clone);
        assert_eq!(text.to_str(), Ok("a bug of the library: layer 3"));
        assert_eq!(guarded(|| Ok(7)), Ok(7));
        assert!(LAST_ERROR.with_borrow(|text| text.is_empty()));
    }

    #[test]
    fn a_broken_network_says_so_and_can_be_freed() {
        let file = include_bytes!("../../examples/digits/digits.safetensors");
        // SAFETY: the bytes are there.
        let network = unsafe { nibble_network_create(file.as_ptr(), file.len()) };
        assert!(!network.is_null());
        // SAFETY: it was just made, and nobody else uses it.
        unsafe { (*network).is_broken = true };
        // SAFETY: it lives, and the inputs are none.
        assert_eq!(unsafe { nibble_network_run(network, null(), 0) }, Status::Internal);
        // SAFETY: it is freed once.
        unsafe { nibble_network_free(network) };
    }
}
