//! Times an ONNX network by tract or rten on one thread: `cargo xtask networks` calls it.
//!
//! ```text
//! nibble-peers tract|rten NETWORK.onnx INPUT RUNS [DIMENSION...]
//! ```
//!
//! `INPUT` is a file of single-precision values, little endian. Prints the milliseconds of the
//! quickest run, and in the lines after it the values of the first output.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use tract_onnx::prelude::*;

/// Runs that warm caches and predictors up.
const WARM_UP: usize = 3;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The quickest of some runs in milliseconds, and the output of the last.
fn quickest<T>(runs: usize, mut run: impl FnMut() -> Outcome<T>) -> Outcome<(f64, T)> {
    for _ in 0..WARM_UP {
        run()?;
    }
    let mut timed = || {
        let start = Instant::now();
        let output = run()?;
        Ok::<_, Box<dyn Error>>((start.elapsed().as_secs_f64() * 1e3, output))
    };
    let (mut best, mut last) = timed()?;
    for _ in 1..runs {
        let (ms, output) = timed()?;
        (best, last) = (best.min(ms), output);
    }
    Ok((best, last))
}

/// tract uses one thread unless it is told otherwise.
fn by_tract(
    file: &str,
    values: &[f32],
    shape: [usize; 4],
    runs: usize,
) -> Outcome<(f64, Vec<f32>)> {
    let fact = f32::fact(shape).into();
    let model = onnx().model_for_path(file)?.with_input_fact(0, fact)?;
    let model = model.into_optimized()?.into_runnable()?;
    let input: Tensor = tract_ndarray::Array::from_shape_vec(shape, values.to_vec())?.into();
    let (ms, output) = quickest(runs, || Ok(model.run(tvec!(input.clone().into()))?))?;
    let output = output[0].cast_to::<f32>()?;
    Ok((ms, output.to_plain_array_view::<f32>()?.iter().copied().collect()))
}

fn by_rten(file: &str, values: &[f32], shape: [usize; 4], runs: usize) -> Outcome<(f64, Vec<f32>)> {
    let model = Model::load_file(file)?;
    let input = NdTensor::from_data(shape, values.to_vec());
    let pool = Arc::new(ThreadPool::with_num_threads(1));
    let (ms, output) = quickest(runs, || {
        let mut options = RunOptions::default();
        options.thread_pool = Some(pool.clone());
        Ok(model.run_one(input.view().into(), Some(options))?)
    })?;
    let output: rten_tensor::Tensor<f32> = output.try_into()?;
    Ok((ms, output.iter().copied().collect()))
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, file, input, runs, shape @ ..] = arguments.as_slice() else {
        return Err("nibble-peers tract|rten NETWORK.onnx INPUT RUNS [DIMENSION...]".into());
    };
    let bytes = std::fs::read(input)?;
    let values: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    let sides = shape.iter().map(|side| side.parse()).collect::<Result<Vec<usize>, _>>()?;
    let shape: [usize; 4] = sides.try_into().map_err(|_| "four dimensions")?;
    let runs = runs.parse()?;
    let (ms, output) = match engine.as_str() {
        "tract" => by_tract(file, &values, shape, runs)?,
        "rten" => by_rten(file, &values, shape, runs)?,
        _ => return Err("the engine is tract or rten".into()),
    };
    println!("{ms}");
    for value in output {
        println!("{value}");
    }
    Ok(())
}
