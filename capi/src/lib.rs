//! The networks of `nibble-core` for C: `include/nibble.h` declares what is here.
//!
//! # Contracts
//! Every function accepts null pointers: it returns [`Status::InvalidArgument`], 0 or null then.
//! For all other pointers, the caller must ensure what the function's section "Safety" says. No
//! panic reaches the caller: a bug of ours becomes [`Status::Internal`].
//!
//! A network may be moved to another thread. Two threads must not use it at the same time.

mod call;
mod types;

use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};

use nibble_core::graph::{Graph, Input, Kind, Limits, Runner, Values};

use crate::call::{Failure, LAST_ERROR, guarded, slice, status, store};
pub use crate::types::{ElementType, Output, RunInput, Size, Status, Tensor};

/// A network that is ready to run, with its memory.
#[derive(Debug)]
pub struct Network {
    runner: Runner,
    /// Names of the inputs, then of the outputs.
    names: Vec<CString>,
    /// A call has panicked, so the network's state is unknown.
    is_broken: bool,
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
        element_type: ElementType::of(kind),
        height: 0,
        width: 0,
        channels: 0,
        scales: if scales.is_empty() { null() } else { scales.as_ptr() },
        scale_count: scales.len(),
        zero_points: if zero_points.is_empty() { null() } else { zero_points.as_ptr() },
        zero_point_count: zero_points.len(),
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
            element_type: ElementType::of(&graph.tensors[graph.outputs[place]].kind),
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
