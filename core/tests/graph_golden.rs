//! Graphs against committed golden vectors, which the simulation in NumPy
//! (`train/nibble_qat`) is checked with as well: random ones, those that Python has exported and
//! converted, and the two examples, of digits and of codes.

use std::path::{Path, PathBuf};

use nibble_core::graph::{Graph, Input, Runner, Values, View};
use nibble_core::{Kernels, Precision};
use safetensors::SafeTensors;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = ["testdata/golden/graphs", "examples/digits", "examples/codes"];
    let folders = folders.map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("committed"));
    let mut cases: Vec<PathBuf> = files
        .map(|file| file.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .filter(|path| !path.to_string_lossy().ends_with(".golden.safetensors"))
        .collect();
    cases.sort();
    cases
}

/// Kernels such that each one of this machine is in some of them.
fn all_kernels() -> Vec<Kernels> {
    let names = Precision::ALL.map(Kernels::names);
    let most = names.iter().map(Vec::len).max().unwrap_or(0);
    let of = |index: usize| {
        let mut kernels = Kernels::detect();
        for (precision, names) in Precision::ALL.into_iter().zip(&names) {
            let name = names[index.min(names.len() - 1)];
            kernels.choose(&[precision], None, &|known| known == name);
        }
        kernels
    };
    (0..most).map(of).collect()
}

fn reals(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
}

/// Asserts that a tensor is that of the golden vectors: the same bits, but for reals, whose sums
/// depend on the kernel.
fn assert_same(view: &View<'_>, golden: &SafeTensors<'_>, context: &str) {
    let wanted = golden.tensor(view.name).expect("golden files hold every tensor");
    let shape = [view.shape.rows, view.shape.columns, view.shape.channels];
    assert_eq!(wanted.shape(), shape, "{context}");
    match view.values {
        Values::Codes(codes) => assert!(codes == wanted.data(), "{context}"),
        Values::Sums(sums) => {
            let bytes: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
            assert!(bytes == wanted.data(), "{context}");
        }
        Values::Reals(found) => {
            let wanted = reals(wanted.data());
            let largest = wanted.iter().fold(1.0f32, |largest, x| largest.max(x.abs()));
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() <= 1e-4 * largest, "{context}: {found} {wanted}");
            }
        }
    }
}

#[test]
fn committed_graphs_give_their_golden_vectors_on_every_kernel() {
    let cases = cases();
    assert!(cases.len() >= 22, "{cases:?}");
    for example in ["digits.safetensors", "codes.safetensors"] {
        assert!(cases.iter().any(|path| path.ends_with(example)), "{example}");
    }
    for path in cases {
        let read = |path: &Path| std::fs::read(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let graph = Graph::parse(&read(&path)).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let bytes = read(&path.with_extension("golden.safetensors"));
        let golden = SafeTensors::deserialize(&bytes).expect("a committed golden file");
        let given: Vec<_> = graph
            .inputs
            .iter()
            .map(|source| {
                let name = format!("input.{}", graph.tensors[source.tensor].name);
                let view = golden.tensor(&name).expect("golden files hold every input");
                (view.shape().to_vec(), view.data().to_vec(), reals(view.data()))
            })
            .collect();
        let inputs: Vec<Input<'_>> = graph
            .inputs
            .iter()
            .zip(&given)
            .map(|(source, (shape, bytes, reals))| {
                if graph.tensors[source.tensor].kind == nibble_core::graph::Kind::Reals {
                    Input::reals(reals, shape[0], shape[1])
                } else {
                    Input::bytes(bytes, shape[0], shape[1])
                }
            })
            .collect();
        for (index, kernels) in all_kernels().iter().enumerate() {
            let mut runner = Runner::with_kernels(graph.clone(), kernels).expect("parsed");
            let mut seen = 0;
            let run = runner.run_observed(&inputs, &mut |node, view| {
                let context = format!("{path:?}, kernels {index}, {:?}", graph.nodes[node].op);
                assert_same(&view, &golden, &context);
                seen += 1;
            });
            run.expect("the input suits");
            assert_eq!(seen, graph.nodes.len());
        }
    }
}
