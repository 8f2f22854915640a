//! Convolutions as blocked matrix products, on one kernel for all layers of a range of operands.
//!
//! The input is copied into a padded map in the form that the kernel reads. Windows are read from
//! there. Where the parts of a window are not equally far apart (dilated columns) or do not lie
//! side by side (groups), they are gathered first, a batch of windows at a time.

use super::shape::Shape;
use super::{Codes, Conv2d};
use crate::gemm::pairs::{self, Filter, Pairs, PairsOnKernel, Source, SumsAre};
use crate::gemm::{
    Kernel, Kernels, LeftPanel, OperandRange, PANELS, Packed, Visitor, Windows, multiply_windows,
    window_length,
};
use crate::quant::Code;

/// Activations that can be read behind the last window, and the unit of copying.
const CHUNK: usize = 16;

/// A convolution of some shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) convolution: Conv2d,
    pub(super) input: Shape,
    pub(super) output: Shape,
}

impl Job {
    /// Rows and columns of the padded input.
    pub(super) fn padded(&self) -> [usize; 2] {
        let [top, left, bottom, right] = self.convolution.padding;
        [self.input.rows + top + bottom, self.input.columns + left + right]
    }
}

/// The sums of some pixels, for the output channels of one group.
pub(super) struct Batch<'a, S> {
    /// The first pixel, counted over the whole map.
    pub(super) first: usize,
    /// The group.
    pub(super) group: usize,
    /// Sums of each pixel, `stride` apart.
    pub(super) sums: &'a [S],
    pub(super) stride: usize,
}

/// Elements of the buffers that a layer needs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    map: usize,
    gathered: usize,
    sums: usize,
    starts: usize,
}

impl Needs {
    /// What serves both.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            map: self.map.max(other.map),
            gathered: self.gathered.max(other.gathered),
            sums: self.sums.max(other.sums),
            starts: self.starts.max(other.starts),
        }
    }
}

/// A kernel with the layers that run on it. `T` is the element of tensors, `W` of weights, `S` of
/// sums.
pub(super) trait Machine<T, W, S>: Send {
    /// Name and instruction set of the kernel.
    fn kernel(&self) -> [&'static str; 2];

    /// Packs the weights of a layer, and returns its place.
    fn add(&mut self, convolution: &Conv2d, weights: &[W]) -> usize;

    /// What the sums of each output channel of a layer lack; empty if nothing.
    fn offsets(&self, layer: usize) -> Vec<S>;

    /// The buffers for a layer.
    fn needs(&self, layer: usize, job: &Job) -> Needs;

    /// The bytes of these buffers.
    fn bytes(&self, needs: Needs) -> Option<usize>;

    /// Makes the buffers as large as this, unless they are larger.
    fn reserve(&mut self, needs: Needs);

    /// Computes a layer. `fill` is the padding, for each channel. `visit` receives the sums,
    /// without [`Machine::offsets`].
    fn run(
        &mut self,
        layer: usize,
        job: &Job,
        input: &[T],
        fill: &[T],
        visit: &mut dyn FnMut(Batch<'_, S>),
    );
}

/// Multiplies codes.
pub(super) type IntegerMachine = dyn Machine<u8, i8, i32>;
/// Multiplies single precision.
pub(super) type RealMachine = dyn Machine<f32, f32, f32>;

/// The machine on the kernel that `kernels` holds for a range of integer operands.
pub(super) fn of_codes(kernels: &Kernels, range: OperandRange) -> Box<IntegerMachine> {
    kernels.visit(range, MakeInteger(range))
}

/// The machine on the kernel for single precision.
pub(super) fn of_reals(kernels: &Kernels) -> Box<RealMachine> {
    kernels.visit(OperandRange::F32, MakeReal)
}

/// The operands of a convolution that reads these codes.
pub(super) fn range(codes: &Codes, weight_bits: u8) -> OperandRange {
    if codes.bits == 4 && weight_bits == 4 { OperandRange::U4 } else { OperandRange::U8 }
}

struct MakeInteger(OperandRange);

impl Visitor for MakeInteger {
    type Result = Box<IntegerMachine>;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        Box::new(OnKernel::new(kernel, if self.0 == OperandRange::U4 { pairs } else { no_pairs }))
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(self, _: K) -> Self::Result {
        unreachable!("no list of integers has kernels of reals")
    }
}

/// Pairs of outputs of a kernel.
type PairsOf<K> = Option<Box<dyn Pairs<<K as Kernel>::Activation, <K as Kernel>::Sum>>>;

/// The pairs of a convolution of 4-bit codes, if it has them.
fn pairs<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(
    kernel: K,
    convolution: &Conv2d,
    weights: &[i8],
) -> PairsOf<K> {
    K::POINTS?;
    let Conv2d { inputs, outputs, stride, .. } = *convolution;
    if convolution.dilation != [1, 1] || convolution.groups != 1 {
        return None;
    }
    let filter = Filter { inputs, outputs, kernel: convolution.kernel, stride };
    Some(Box::new(PairsOnKernel::new(kernel, filter, weights, None, SumsAre::Halved)?))
}

fn no_pairs<K: Kernel>(_: K, _: &Conv2d, _: &[K::Weight]) -> PairsOf<K> {
    None
}

struct MakeReal;

impl Visitor for MakeReal {
    type Result = Box<RealMachine>;

    fn integer<K: Kernel<Activation: Code, Weight = i8, Sum = i32>>(self, _: K) -> Self::Result {
        unreachable!("no list of reals has kernels of integers")
    }

    fn float<K: Kernel<Activation = f32, Weight = f32, Sum = f32>>(
        self,
        kernel: K,
    ) -> Self::Result {
        Box::new(OnKernel::new(kernel, no_pairs))
    }
}

/// The form in which a kernel reads an element of a tensor.
trait Form<T> {
    fn of_element(element: T) -> Self;
}

impl<C: Code> Form<u8> for C {
    #[inline]
    fn of_element(code: u8) -> C {
        C::of(code)
    }
}

impl Form<f32> for f32 {
    #[inline]
    fn of_element(real: f32) -> f32 {
        real
    }
}

/// How the windows of a layer reach the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Stretches of this length, read from the map.
    InMap(usize),
    /// So many parts for each row of the kernel, of this length, gathered side by side.
    Gathered(usize, usize),
}

struct Layer<K: Kernel> {
    /// Weights of each group.
    groups: Vec<Packed<K>>,
    panel: LeftPanel<K>,
    reading: Reading,
    /// The same two outputs at a time, if that is possible.
    pairs: PairsOf<K>,
}

struct OnKernel<K: Kernel> {
    kernel: K,
    make_pairs: fn(K, &Conv2d, &[K::Weight]) -> PairsOf<K>,
    layers: Vec<Layer<K>>,
    map: Vec<K::Activation>,
    gathered: Vec<K::Activation>,
    sums: Vec<K::Sum>,
    starts: Vec<usize>,
}

impl<K: Kernel> OnKernel<K> {
    fn new(kernel: K, make_pairs: fn(K, &Conv2d, &[K::Weight]) -> PairsOf<K>) -> Self {
        let (map, gathered, sums, starts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { kernel, make_pairs, layers: Vec::new(), map, gathered, sums, starts }
    }

    /// Copies the input into the padded map.
    #[inline]
    fn fill_map<T: Copy>(&mut self, job: &Job, input: &[T], fill: &[T])
    where
        K::Activation: Form<T>,
    {
        let Shape { rows, columns, channels } = job.input;
        let [top, left, _, right] = job.convolution.padding;
        let pitch = (left + columns + right) * channels;
        let (left, right) = (left * channels, right * channels);
        let [padded, _] = job.padded();
        let map = &mut self.map[..padded * pitch];
        let pad = |border: &mut [K::Activation]| {
            for (place, &fill) in border.iter_mut().zip(fill.iter().cycle()) {
                *place = K::Activation::of_element(fill);
            }
        };
        for (y, line) in map.chunks_exact_mut(pitch).enumerate() {
            if y < top || y >= top + rows {
                pad(line);
                continue;
            }
            let (before, line) = line.split_at_mut(left);
            let (inside, after) = line.split_at_mut(columns * channels);
            debug_assert_eq!(after.len(), right);
            pad(before);
            pad(after);
            let from = &input[(y - top) * inside.len()..][..inside.len()];
            for (place, &element) in inside.iter_mut().zip(from) {
                *place = K::Activation::of_element(element);
            }
        }
    }
}

impl<K, T> Machine<T, K::Weight, K::Sum> for OnKernel<K>
where
    K: Kernel<Activation: Form<T>>,
    T: Copy,
{
    fn kernel(&self) -> [&'static str; 2] {
        [K::NAME, K::ISA]
    }

    fn add(&mut self, convolution: &Conv2d, weights: &[K::Weight]) -> usize {
        let Conv2d { inputs, outputs, kernel: [rows, columns], dilation, groups, .. } =
            *convolution;
        let (inputs, outputs) = (inputs / groups, outputs / groups);
        let contiguous = groups == 1 && (dilation[1] == 1 || columns == 1);
        let stretch = columns * inputs;
        // Where tiles read the map themselves, stretches are rounded up to whole groups; the extra
        // activations are multiplied by zero weights.
        let rounded = if contiguous && outputs <= K::MAX_DIRECT_COLUMNS {
            stretch.next_multiple_of(K::GROUP)
        } else {
            stretch
        };
        let depth = rows * rounded;
        let pack = |weights: &[K::Weight]| {
            if rounded == stretch {
                return Packed::new(weights, outputs, depth);
            }
            let mut spread = vec![K::Weight::default(); outputs * depth];
            for (to, from) in spread.chunks_exact_mut(rounded).zip(weights.chunks_exact(stretch)) {
                to[..stretch].copy_from_slice(from);
            }
            Packed::new(&spread, outputs, depth)
        };
        let packed: Vec<_> = weights.chunks_exact(outputs * rows * stretch).map(pack).collect();
        // Stretches that end within a group, or are shorter than a vector, are faster to pack after
        // gathering, which makes a window one stretch.
        let ragged = !rounded.is_multiple_of(K::GROUP) || rounded < CHUNK;
        let reads_maps = packed.iter().all(Packed::reads_maps);
        let reading = match contiguous {
            false => Reading::Gathered(columns, inputs),
            true if ragged && !reads_maps => Reading::Gathered(1, stretch),
            true => Reading::InMap(rounded),
        };
        let pairs = (self.make_pairs)(self.kernel, convolution, weights);
        self.layers.push(Layer { groups: packed, panel: LeftPanel::new(depth), reading, pairs });
        self.layers.len() - 1
    }

    fn offsets(&self, layer: usize) -> Vec<K::Sum> {
        self.layers[layer].groups.iter().flat_map(Packed::offsets).copied().collect()
    }

    fn needs(&self, layer: usize, job: &Job) -> Needs {
        let Layer { groups, panel, reading, pairs } = &self.layers[layer];
        let [rows, columns] = job.padded();
        let map = rows * columns * job.input.channels;
        let windows = PANELS * K::MR;
        let stride = groups.first().map_or(0, Packed::stride);
        if let Some(pairs) = pairs.as_ref().filter(|pairs| pairs.suit(job.output.rows)) {
            let [gathered, sums] = pairs.room(stride);
            let map = map + job.input.channels + pairs::ROOM;
            return Needs { map, gathered, sums, starts: 0 };
        }
        let gathered = match reading {
            Reading::InMap(_) => 0,
            Reading::Gathered(..) => windows * window_length(panel.depth()) + CHUNK,
        };
        Needs {
            // `shape::infer` has bounded it. Stretches may be rounded up by less than a chunk.
            map: map + CHUNK,
            gathered,
            sums: windows * stride,
            starts: windows,
        }
    }

    fn bytes(&self, needs: Needs) -> Option<usize> {
        let activations = needs.map.checked_add(needs.gathered)?;
        let activations = activations.checked_mul(size_of::<K::Activation>())?;
        let sums = needs.sums.checked_mul(size_of::<K::Sum>())?;
        activations.checked_add(sums)?.checked_add(needs.starts * size_of::<usize>())
    }

    fn reserve(&mut self, needs: Needs) {
        grow(&mut self.map, needs.map);
        grow(&mut self.gathered, needs.gathered);
        grow(&mut self.sums, needs.sums);
        grow(&mut self.starts, needs.starts);
    }

    fn run(
        &mut self,
        layer: usize,
        job: &Job,
        input: &[T],
        fill: &[T],
        visit: &mut dyn FnMut(Batch<'_, K::Sum>),
    ) {
        let kernel = self.kernel;
        kernel.vectorised(
            #[inline(always)]
            || self.fill_map(job, input, fill),
        );
        let Self { layers, map, gathered, sums, starts, .. } = self;
        let Layer { groups, panel, reading, pairs } = &mut layers[layer];
        let Conv2d { kernel: [rows, _], stride, dilation, .. } = job.convolution;
        let [_, width] = job.padded();
        let channels = job.input.channels;
        let pitch = width * channels;
        if let Some(pairs) = pairs.as_mut().filter(|pairs| pairs.suit(job.output.rows)) {
            let output = [job.output.rows, job.output.columns];
            let source = Source { map, row: pitch, output };
            let stride = groups.first().map_or(0, Packed::stride);
            pairs.convolve(&source, stride, (gathered, sums), &mut |[y, x], sums| {
                let first = y * job.output.columns + x;
                visit(Batch { first, group: 0, sums, stride });
            });
            return;
        }
        let (row_step, column_step) = (dilation[0] * pitch, dilation[1] * channels);
        let length = window_length(panel.depth());
        let share = channels / groups.len();
        let pixels = job.output.positions();
        for (group, packed) in groups.iter().enumerate() {
            for first in (0..pixels).step_by(PANELS * K::MR) {
                let count = (pixels - first).min(PANELS * K::MR);
                // The window of the last pixel is repeated to fill its panel.
                let starts = &mut starts[..count.next_multiple_of(K::MR)];
                let (mut y, mut x) = (first / job.output.columns, first % job.output.columns);
                for start in &mut starts[..count] {
                    *start = y * stride[0] * pitch + x * stride[1] * channels;
                    x += 1;
                    if x == job.output.columns {
                        (y, x) = (y + 1, 0);
                    }
                }
                let last = starts[count - 1];
                starts[count..].fill(last);
                let windows = match *reading {
                    Reading::InMap(stretch) => Windows::new(map, starts, [rows, stretch, row_step]),
                    Reading::Gathered(parts, part) => {
                        for (index, start) in starts.iter_mut().enumerate() {
                            let from = &map[*start + group * share..];
                            let to = &mut gathered[index * length..];
                            let taps = (0..rows).flat_map(|row| {
                                (0..parts).map(move |part| row * row_step + part * column_step)
                            });
                            gather(from, taps, part, to);
                            *start = index * length;
                        }
                        Windows::new(gathered, starts, [1, length, 0])
                    }
                };
                let windows = windows.expect("windows lie inside the padded map");
                let sums = &mut sums[..starts.len() * packed.stride()];
                multiply_windows(kernel, &windows, panel, packed, sums);
                let (sums, stride) = (&sums[..count * packed.stride()], packed.stride());
                visit(Batch { first, group, sums, stride });
            }
        }
    }
}

/// Makes a buffer at least as long as this, without room to spare.
pub(super) fn grow<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.reserve_exact(len - buffer.len());
        buffer.resize(len, T::default());
    }
}

/// Copies parts of a window side by side in chunks of `CHUNK`. A chunk may extend beyond its part;
/// the next part or the next window overwrites the excess.
#[inline]
fn gather<A: Copy>(from: &[A], taps: impl Iterator<Item = usize>, part: usize, to: &mut [A]) {
    for (index, tap) in taps.enumerate() {
        let (from, to) = (&from[tap..], &mut to[index * part..]);
        for at in (0..part).step_by(CHUNK) {
            to[at..at + CHUNK].copy_from_slice(&from[at..at + CHUNK]);
        }
    }
}
