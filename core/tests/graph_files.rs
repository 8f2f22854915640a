//! Files of graphs: those of version 1 give the same integers as before, those of version 2 survive
//! writing and reading, and hostile ones are errors that name the node or the tensor.

#[path = "support/graphs.rs"]
mod graphs;

use nibble_core::graph::{Graph, Input, Kind, Limits, Parameters, RunError, Runner, Values};
use nibble_core::{ModelError, Network, Precision};

fn model(name: &str) -> Vec<u8> {
    std::fs::read(format!("../{name}")).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn version_1_gives_the_same_integers_as_before() {
    let gray = |count: usize| -> Vec<u8> {
        (0..count).map(|i| (i * 7919 % 253).to_le_bytes()[0]).collect()
    };
    for (name, [height, width]) in [
        ("models/ocr-u4.safetensors", [24, 320]),
        ("models/ocr-u8.safetensors", [24, 64]),
        ("models/locate-u4.safetensors", [64, 96]),
        ("testdata/golden/odd-model.safetensors", [0, 0]),
    ] {
        let file = model(name);
        let mut network = Network::from_bytes(&file).expect("a committed model");
        let strips = network.model().height;
        let [height, width] = if height > 0 { [height, width] } else { [strips.unwrap_or(16), 96] };
        let picture = gray(height * width);
        let wanted =
            if strips.is_some() { network.run(&picture) } else { network.maps(&picture, width) };
        let wanted = wanted.expect("a size that suits");
        let graph = Graph::parse(&file).expect("version 1 is read");
        // The same file as one of version 2.
        let rewritten = Graph::parse(&graph.to_bytes().expect("checked")).expect("just written");
        for graph in [graph, rewritten] {
            let mut runner = Runner::new(graph).expect("checked");
            let outputs = runner.run(&[Input::bytes(&picture, height, width)]).expect("suits");
            let found = outputs.at(0);
            let Values::Sums(sums) = found.values else { panic!("logits are sums") };
            assert!(wanted.integers() == Some(sums), "{name}");
            assert_eq!(found.to_f32(), wanted.to_f32(), "{name}");
        }
    }
    let file = model("models/ocr-f32.safetensors");
    let picture = gray(24 * 320);
    let wanted = Network::from_bytes(&file).expect("committed").run(&picture).expect("suits");
    let mut runner = Runner::new(Graph::parse(&file).expect("version 1 is read")).expect("checked");
    let outputs = runner.run(&[Input::bytes(&picture, 24, 320)]).expect("suits");
    for (found, wanted) in outputs.at(0).to_f32().iter().zip(wanted.to_f32()) {
        assert!((found - wanted).abs() < 1e-3, "{found} {wanted}");
    }
}

#[test]
fn graphs_survive_writing_and_reading() {
    let graph = graphs::mixed();
    let bytes = graph.to_bytes().expect("a checked graph");
    let mut read = Graph::parse(&bytes).expect("just written");
    assert_eq!(read.hash.len(), 16);
    read.hash.clear();
    assert_eq!(read, graph);
    // Two graphs of the same content make the same file, but for the order of the metadata.
    assert_eq!(bytes.len(), graph.to_bytes().expect("checked").len());
}

/// The file of `mixed` with a part of its description replaced.
fn replaced(from: &str, to: &str) -> Result<Graph, ModelError> {
    let bytes = graphs::mixed().to_bytes().expect("a checked graph");
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header = std::str::from_utf8(&bytes[8..8 + length]).expect("JSON is text");
    let escape = |text: &str| text.replace('"', "\\\"");
    assert!(header.contains(&escape(from)), "{from} is not in {header}");
    let header = header.replacen(&escape(from), &escape(to), 1);
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(&bytes[8 + length..]);
    Graph::parse(&file)
}

/// Asserts that a change of the description is refused with an error that holds all `parts`.
#[track_caller]
fn refused(from: &str, to: &str, parts: &[&str]) {
    let error = replaced(from, to).map(|graph| graph.name).expect_err(to).to_string();
    for part in parts {
        assert!(error.contains(part), "{from} -> {to}: {error}");
    }
}

#[test]
fn hostile_descriptions_are_errors_that_name_the_place() {
    assert!(replaced("\"name\":\"mixed\"", "\"name\":\"other\"").is_ok());
    // Cycles, tensors that are missing, twice there, or useless.
    refused(
        r#"{"name":"wide","inputs":["depthwise.out"]"#,
        r#"{"name":"wide","inputs":["sum.out"]"#,
        &["wide", "sum.out", "cycle"],
    );
    refused(r#""inputs":["first.out"]"#, r#""inputs":["gone"]"#, &["gone", "described"]);
    refused(r#""output":"wide.out""#, r#""output":"first.out""#, &["first.out", "twice"]);
    refused(r#""outputs":["real.out","#, r#""outputs":["#, &["real.out", "nothing reads"]);
    refused(r#""name":"wide","inputs""#, r#""name":"first","inputs""#, &["first"]);
    // Attributes that are unknown, missing, or out of range.
    refused(r#""groups":24"#, r#""groups":24,"bias":1"#, &["depthwise", "bias"]);
    refused(r#""groups":24,"#, "", &["depthwise", "groups"]);
    refused(r#""groups":24"#, r#""groups":7"#, &["depthwise", "groups"]);
    refused(r#""groups":24"#, r#""groups":0"#, &["depthwise", "groups"]);
    refused(r#""groups":24"#, r#""groups":-1"#, &["depthwise"]);
    refused(r#""kernel":[3,3],"stride":[2,2]"#, r#""kernel":[65,3],"stride":[2,2]"#, &["64"]);
    refused(r#""stride":[2,2]"#, r#""stride":[0,2]"#, &["depthwise", "64"]);
    refused(r#""padding":[2,2,2,2]"#, r#""padding":[2,2,2,5000]"#, &["dilated", "4095"]);
    refused(r#""padding":[2,2,2,2]"#, r#""padding":[2,2,2,1e30]"#, &["dilated"]);
    refused(r#""out":40"#, r#""out":18446744073709551615"#, &["wide"]);
    refused(r#""out":40"#, r#""out":4097"#, &["wide", "4096"]);
    refused(r#""weight_bits":32"#, r#""weight_bits":16"#, &["real", "weight_bits"]);
    refused(r#""op":"concat""#, r#""op":"magic""#, &["joined", "magic"]);
    refused(r#""op":"upsample_bilinear""#, r#""op":"softmax""#, &["up", "types"]);
    refused(r#""op":"concat""#, r#""op":"relu""#, &["joined", "number of inputs"]);
    refused(
        r#"{"max_pool":{"kernel":[3,3],"stride":[2,2],"padding":[1,1,1,1]}}"#,
        r#"{"max_pool":{"kernel":[3,3],"stride":[2,2],"padding":[1,1,3,1]}}"#,
        &["pooled", "smaller"],
    );
    // Scales and zero points.
    refused(r#""scale":0.2"#, r#""scale":0.0"#, &["first.out", "scale"]);
    refused(r#""scale":0.2"#, r#""scale":-1.0"#, &["first.out", "scale"]);
    refused(r#""scale":0.2"#, r#""scale":NaN"#, &[]);
    refused(r#""scale":0.2"#, r#""scale":1e30"#, &["first.out", "scale"]);
    refused(r#""zero_points":[7]"#, r#""zero_points":[16]"#, &["sum.out", "zero point"]);
    refused(r#""zero_points":[7]"#, r#""zero_points":[]"#, &["sum.out", "zero point"]);
    refused(r#""zero_points":[7]"#, r#""zero_points":[7,7]"#, &["sum.out", "zero point"]);
    refused(r#""zero_points":[7]"#, r#""zero_points":[256]"#, &[]);
    refused(r#""type":"f32""#, r#""type":"f32","scale":1.0"#, &["reals.out", "neither"]);
    // Shapes that do not fit.
    refused(r#""channels":3"#, r#""channels":4"#, &["image"]);
    refused(
        r#"[{"tensor":"image","channels":3}"#,
        r#"[{"tensor":"image","channels":0}"#,
        &["image"],
    );
    refused(r#""channels":3}"#, r#""channels":3,"height":1,"width":4}"#, &["joined", "rows"]);
    refused(r#""channels":3}"#, r#""channels":3,"height":200000,"width":200000}"#, &["1 GiB"]);
    refused(
        r#""inputs":["up.out","first.out"]"#,
        r#""inputs":["up.out","first.out","first.out"]"#,
        &["real", "channels"],
    );
}

#[test]
fn long_and_deep_descriptions_are_errors() {
    let long = format!(r#""name":"{}""#, "x".repeat(3 << 20));
    refused(r#""name":"mixed""#, &long, &["2 MiB"]);
    let deep = format!(r#""op":{}1{}"#, "[".repeat(100_000), "]".repeat(100_000));
    refused(r#""op":"concat""#, &deep, &["recursion"]);
    let wide = format!(r#""op":[{}1]"#, "[],".repeat(100_000));
    refused(r#""op":"concat""#, &wide, &["joined"]);
}

#[test]
fn parameters_out_of_range_are_errors() {
    let changed = |node: &str, change: &dyn Fn(&mut Parameters)| {
        let mut graph = graphs::mixed();
        let node = graph.nodes.iter_mut().find(|found| found.name == node).expect("a node");
        change(node.parameters.as_mut().expect("a convolution"));
        graph.check().expect_err("refused").to_string()
    };
    let integers = |value: i8, bias: i32, scale: f32| {
        move |parameters: &mut Parameters| {
            let Parameters::Integer { weights, bias: biases, scales } = parameters else {
                unreachable!()
            };
            (weights[0], biases[1], scales[2]) = (value, bias, scale);
        }
    };
    assert!(changed("wide", &integers(8, 0, 1.0)).contains("wide.weight"));
    assert!(changed("wide", &integers(-8, 0, 1.0)).contains("wide.weight"));
    assert!(changed("first", &integers(-128, 0, 1.0)).contains("first.weight"));
    for bias in [i32::MAX, i32::MIN, i32::MAX - 3000] {
        assert!(changed("first", &integers(1, bias, 1.0)).contains("first.bias"), "{bias}");
    }
    for scale in [f32::NAN, f32::INFINITY, 0.0, -1.0, 1e-40, 1e30] {
        assert!(changed("wide", &integers(1, 0, scale)).contains("wide.scale"), "{scale}");
    }
    let real = |value: f32| {
        move |parameters: &mut Parameters| {
            let Parameters::Real { weights, .. } = parameters else { unreachable!() };
            weights[0] = value;
        }
    };
    assert!(changed("real", &real(f32::NAN)).contains("real.weight"));
    let shorter = |parameters: &mut Parameters| {
        let Parameters::Integer { weights, .. } = parameters else { unreachable!() };
        weights.pop();
    };
    assert!(changed("wide", &shorter).contains("wide.weight"));
}

/// Places that a graph made by hand can have, but no file.
#[test]
fn places_beyond_the_list_are_errors() {
    for change in [
        |graph: &mut Graph| graph.nodes[3].inputs[0] = 999,
        |graph: &mut Graph| graph.nodes[3].output = usize::MAX,
        |graph: &mut Graph| graph.outputs[0] = 999,
        |graph: &mut Graph| graph.inputs[0].tensor = 999,
        |graph: &mut Graph| graph.nodes[0].inputs.clear(),
        |graph: &mut Graph| graph.nodes[0].parameters = None,
        |graph: &mut Graph| graph.tensors[1].kind = Kind::Sums,
        |graph: &mut Graph| graph.nodes.clear(),
    ] {
        let mut graph = graphs::mixed();
        change(&mut graph);
        assert!(graph.check().is_err());
        assert!(Runner::new(graph).is_err());
    }
}

#[test]
fn damaged_files_are_errors_and_never_panics() {
    let bytes = graphs::mixed().to_bytes().expect("a checked graph");
    for len in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
        assert!(Graph::parse(&bytes[..len]).is_err(), "{len} bytes");
    }
    let mut state = 1u32;
    for _ in 0..4000 {
        let mut damaged = bytes.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Mostly in the header.
            let limit = if state & 1024 == 0 { 6000 } else { bytes.len() };
            let at = (state >> 8) as usize % limit;
            damaged[at] = (state >> 3).to_le_bytes()[0];
        }
        // What is read must run, or be refused.
        if let Ok(graph) = Graph::parse(&damaged) {
            let channels = graph.inputs[0].channels;
            let size = [graph.inputs[0].height.unwrap_or(8), graph.inputs[0].width.unwrap_or(8)];
            let picture = vec![77; size[0] * size[1] * channels];
            let mut runner = Runner::new(graph).expect("parsed graphs are checked");
            let _ = runner.run(&[Input::bytes(&picture, size[0], size[1])]);
        }
    }
}

#[test]
fn inputs_that_do_not_suit_are_errors() {
    let mut runner = Runner::new(graphs::mixed()).expect("a checked graph");
    let picture = vec![0; 8 * 8 * 3];
    assert_eq!(runner.run(&[]).err(), Some(RunError::Inputs { wanted: 1, found: 0 }));
    let problem = |runner: &mut Runner, input: Input<'_>| {
        runner.run(&[input]).map(|_| ()).expect_err("refused").to_string()
    };
    assert!(problem(&mut runner, Input::bytes(&picture, 0, 8)).contains("`image`: it is empty"));
    assert!(problem(&mut runner, Input::bytes(&picture, 8, 6)).contains("`image`"));
    assert!(problem(&mut runner, Input::bytes(&picture[1..], 8, 8)).contains("`image`"));
    let reals = vec![0.0; 8 * 8 * 3];
    assert!(problem(&mut runner, Input::reals(&reals, 8, 8)).contains("as bytes"));
    // An odd size does not survive halving and doubling.
    let odd = vec![0; 9 * 8 * 3];
    assert!(problem(&mut runner, Input::bytes(&odd, 9, 8)).contains("`joined`"));
    for side in [1 << 14, 1 << 20, usize::MAX / 2, usize::MAX] {
        let error = runner.peak_bytes(&[[side, side]]).expect_err("too large").to_string();
        assert!(error.contains("1 GiB"), "{error}");
    }
    // After all these, it still runs.
    assert!(runner.run(&[Input::bytes(&picture, 8, 8)]).is_ok());
}

#[test]
fn limits_are_kept_to_the_byte_and_to_the_multiply_add() {
    let limited = |runner: &mut Runner, limits: Limits, height: usize, width: usize| {
        runner.set_limits(limits);
        assert_eq!(runner.limits(), limits);
        let picture = vec![200; height * width * runner.graph().inputs[0].channels];
        runner.run(&[Input::bytes(&picture, height, width)]).map(|outputs| outputs.at(0).to_f32())
    };
    let mut runner = Runner::new(graphs::mixed()).expect("a checked graph");
    let free = limited(&mut runner, Limits::default(), 8, 8).expect("fits");
    let peak = runner.peak_bytes(&[[8, 8]]).expect("fits");
    let bytes = |max_bytes| Limits { max_bytes, ..Limits::default() };
    assert_eq!(limited(&mut runner, bytes(peak), 8, 8), Ok(free.clone()));
    let error = limited(&mut runner, bytes(peak - 1), 8, 8).expect_err("a byte too many");
    assert!(matches!(error, RunError::TooLarge { max_bytes, .. } if max_bytes == peak - 1));
    assert!(error.to_string().contains(&format!("{} bytes", peak - 1)), "{error}");
    assert!(runner.outputs().is_none());
    let error = limited(&mut runner, bytes(8 * 8 * 3 - 1), 8, 8).expect_err("too large an input");
    assert_eq!(error, RunError::InputTooLarge { input: "image".to_owned(), max_bytes: 191 });
    assert_eq!(limited(&mut runner, Limits::default(), 8, 8), Ok(free));

    // A graph of convolutions alone: their multiply-adds are all of its work.
    let chain = Graph::parse(&model("models/ocr-u4.safetensors")).expect("version 1 is read");
    let mut runner = Runner::new(chain).expect("checked");
    let max_multiply_adds = runner.macs(&[[24, 64]]).expect("fits").iter().sum();
    let work = Limits { max_multiply_adds, ..Limits::default() };
    assert!(limited(&mut runner, work, 24, 64).is_ok());
    let fewer = Limits { max_multiply_adds: max_multiply_adds - 1, ..work };
    let error = limited(&mut runner, fewer, 24, 64).expect_err("one too many");
    assert!(matches!(error, RunError::TooMuchWork { .. }), "{error}");
}

#[test]
fn limits_can_be_raised() {
    let chain = Graph::parse(&model("models/ocr-u4.safetensors")).expect("version 1 is read");
    let mut runner = Runner::new(chain).expect("checked");
    let sizes = [[24, 1 << 23]];
    assert!(runner.peak_bytes(&sizes).is_err());
    runner.set_limits(Limits { max_bytes: usize::MAX, max_multiply_adds: u64::MAX });
    let peak = runner.peak_bytes(&sizes);
    if usize::BITS < 64 {
        assert!(peak.is_err_and(|error| error.to_string().contains("1 GiB")));
    } else {
        assert!(peak.is_ok_and(|peak| peak > 1 << 30));
    }
    for width in [usize::MAX / 24, usize::MAX / 2, usize::MAX] {
        let error = runner.peak_bytes(&[[24, width]]).expect_err("larger than any memory");
        assert!(matches!(error, RunError::InputTooLarge { .. }), "{error}");
    }
}

/// The error of a twin's outputs as a share of their size.
fn distance(graph: &Graph, twin: &Graph, size: [usize; 2]) -> f32 {
    let [height, width] = size;
    let picture: Vec<u8> = (0..height * width * graph.inputs[0].channels)
        .map(|i| (i * 7919 % 253).to_le_bytes()[0])
        .collect();
    let outputs = |graph: &Graph| {
        let mut runner = Runner::new(graph.clone()).expect("checked");
        let outputs = runner.run(&[Input::bytes(&picture, height, width)]).expect("suits");
        outputs.at(0).to_f32()
    };
    let (found, wanted) = (outputs(twin), outputs(graph));
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>();
    let error = square(&mut found.iter().zip(&wanted).map(|(a, b)| a - b));
    (error / square(&mut wanted.iter().copied())).sqrt()
}

#[test]
fn twins_compute_nearly_the_same() {
    // Codes of both have been fitted to pictures, so few are clamped, which reals are not.
    let chain = Graph::parse(&model("models/ocr-u4.safetensors")).expect("version 1 is read");
    let exported = model("testdata/golden/graphs/exported.safetensors");
    let exported = Graph::parse(&exported).expect("a committed file");
    for (graph, size, limits) in [(chain, [24, 320], [0.2; 2]), (exported, [16, 16], [0.15; 2])] {
        assert_eq!(graph.narrowest(), Precision::U4);
        assert_eq!(graph.twin(Precision::U4), Ok(None));
        for (precision, limit) in [Precision::F32, Precision::U8].into_iter().zip(limits) {
            let twin = graph.twin(precision).expect("checked").expect("a wider one");
            assert_eq!(twin.narrowest(), precision);
            let error = distance(&graph, &twin, size);
            println!("{} {precision}: {error}", graph.name);
            assert!(error < limit, "{precision}: {error}");
        }
        // Both twins have fine steps, and are nearer to each other.
        let [real, fine] = [Precision::F32, Precision::U8]
            .map(|precision| graph.twin(precision).expect("checked").expect("a wider one"));
        let error = distance(&real, &fine, size);
        println!("{}: {error}", graph.name);
        assert!(error < 0.15, "{error}");
        assert_eq!(real.twin(Precision::U8), Ok(None));
    }
}
