//! Memory, planned before anything runs: tensors whose lives do not overlap share a buffer.

use super::shape::{Limits, RunError, Shape};
use super::{Graph, Kind};

/// The element type of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Codes,
    Sums,
    Reals,
}

impl Class {
    pub(super) fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Codes(_) => Self::Codes,
            Kind::Sums => Self::Sums,
            Kind::Reals => Self::Reals,
        }
    }

    /// Bytes of an element.
    pub(super) fn size(self) -> usize {
        if self == Self::Codes { 1 } else { 4 }
    }
}

/// A buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) class: Class,
    /// Elements.
    pub(super) len: usize,
}

/// Shapes and buffers of all tensors.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Rows and columns of the inputs for which this is the plan.
    pub(super) sizes: Vec<[usize; 2]>,
    /// The shape of each tensor.
    pub(super) shapes: Vec<Shape>,
    /// The buffer of each tensor.
    pub(super) slot_of: Vec<usize>,
    pub(super) slots: Vec<Slot>,
}

impl Plan {
    /// Plans the tensors of a checked graph, whose shapes have been inferred.
    ///
    /// A tensor lives from the node that makes it to the last one that reads it; inputs live from
    /// the beginning, outputs to the end. A node's output never shares the buffer of its inputs.
    ///
    /// # Errors
    /// [`RunError::TooLarge`] or [`RunError::InputTooLarge`] if all buffers together exceed the
    /// limit.
    pub(super) fn new(
        graph: &Graph,
        sizes: &[[usize; 2]],
        shapes: Vec<Shape>,
        limits: Limits,
    ) -> Result<Self, RunError> {
        let mut last_read = vec![0; graph.tensors.len()];
        for (index, node) in graph.nodes.iter().enumerate() {
            for &input in &node.inputs {
                last_read[input] = index;
            }
        }
        for &output in &graph.outputs {
            last_read[output] = usize::MAX;
        }
        let mut pool = Pool::default();
        let mut slot_of = vec![0; graph.tensors.len()];
        let place = |pool: &mut Pool, slot_of: &mut [usize], tensor: usize| {
            let class = Class::of(&graph.tensors[tensor].kind);
            slot_of[tensor] = pool.take(class, shapes[tensor].len());
            pool.bytes().and_then(|bytes| limits.fit(bytes))
        };
        for source in &graph.inputs {
            place(&mut pool, &mut slot_of, source.tensor)
                .ok_or_else(|| limits.input_too_large(&graph.tensors[source.tensor].name))?;
        }
        for (index, node) in graph.nodes.iter().enumerate() {
            place(&mut pool, &mut slot_of, node.output).ok_or_else(|| limits.too_large(node))?;
            for &input in &node.inputs {
                if last_read[input] == index {
                    pool.free[slot_of[input]] = true;
                }
            }
        }
        let sizes = sizes.to_vec();
        Ok(Self { sizes, shapes, slot_of, slots: pool.slots })
    }

    /// Bytes of all buffers.
    pub(super) fn bytes(&self) -> usize {
        self.slots.iter().map(|slot| slot.len * slot.class.size()).sum()
    }
}

/// Buffers, and which of them are free.
#[derive(Default)]
struct Pool {
    slots: Vec<Slot>,
    free: Vec<bool>,
}

impl Pool {
    /// Takes the smallest free buffer that is large enough, or else the largest one, which grows.
    fn take(&mut self, class: Class, len: usize) -> usize {
        let free = (0..self.slots.len())
            .filter(|&slot| self.free[slot] && self.slots[slot].class == class);
        let best = free.min_by_key(|&slot| {
            let found = self.slots[slot].len;
            if found < len { (true, len - found) } else { (false, found) }
        });
        let slot = best.unwrap_or_else(|| {
            self.slots.push(Slot { class, len: 0 });
            self.free.push(true);
            self.slots.len() - 1
        });
        self.slots[slot].len = self.slots[slot].len.max(len);
        self.free[slot] = false;
        slot
    }

    /// Bytes of all buffers; `None` if they wrap around.
    fn bytes(&self) -> Option<usize> {
        self.slots
            .iter()
            .try_fold(0usize, |sum, slot| sum.checked_add(slot.len.checked_mul(slot.class.size())?))
    }
}
