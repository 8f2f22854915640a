//! What crosses the border to C by value. `include/nibble.h` declares the same.

use std::ffi::{c_char, c_void};

use nibble_core::graph::Kind;

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

impl ElementType {
    pub(crate) fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Codes(codes) if codes.bits == 4 => Self::U4,
            Kind::Codes(_) => Self::U8,
            Kind::Sums => Self::I32,
            Kind::Reals => Self::F32,
        }
    }
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
