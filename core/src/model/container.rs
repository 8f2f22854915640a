//! The container of a model file: safetensors, a JSON header and raw tensors.
//!
//! Every page that reads zones downloads this code. So the header is read as plain JSON values: the
//! types that the `safetensors` crate derives for it take seven times the code. A test compares the
//! two.

use serde_json::Value;

use super::ModelError;
use super::json::Fields;
use super::limits::{MAX_HEADER_BYTES, MAX_LAYERS};

/// The key of the header that is not a tensor.
const METADATA: &str = "__metadata__";
/// Tensors of a layer at most: weight, bias, scale.
const MAX_PARTS: usize = 3;

/// The type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    I8,
    U8,
    I32,
    F32,
}

impl Element {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "I8" => Self::I8,
            "U8" => Self::U8,
            "I32" => Self::I32,
            "F32" => Self::F32,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I32 | Self::F32 => 4,
        }
    }
}

/// A tensor of the file; its data are `count` elements of a `kind`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tensor<'a> {
    pub(super) kind: Element,
    pub(super) count: usize,
    pub(super) data: &'a [u8],
}

/// A file whose header is read. Its tensors cover its data without gap or overlap.
pub(super) struct Container<'a> {
    header: Value,
    data: &'a [u8],
}

impl<'a> Container<'a> {
    /// Reads the header, and checks that the tensors cover the data.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, ModelError> {
        let (len, rest) = bytes.split_first_chunk().ok_or_else(|| bad("it has no header"))?;
        let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
        if len > MAX_HEADER_BYTES {
            return Err(bad("its header is larger than 1 MiB"));
        }
        let (header, data) =
            rest.split_at_checked(len).ok_or_else(|| bad("its header is cut off"))?;
        let header = serde_json::from_slice(header)
            .map_err(|error| bad(&format!("its header is no JSON: {error}")))?;
        let container = Self { header, data };
        container.check()?;
        Ok(container)
    }

    fn check(&self) -> Result<(), ModelError> {
        let Value::Object(entries) = &self.header else {
            return Err(bad("its header is no JSON object"));
        };
        if entries.len() > MAX_PARTS * MAX_LAYERS + 1 {
            return Err(bad("it has too many tensors"));
        }
        let mut spans = Vec::with_capacity(entries.len());
        for (name, entry) in entries.iter().filter(|(name, _)| *name != METADATA) {
            let span = span(entry).filter(|span| span.start + span.len() <= self.data.len());
            let Some(span) = span else {
                return Err(bad(&format!("the entry of tensor `{name}` is wrong")));
            };
            spans.push(span);
        }
        // From the first byte on, each tensor begins where another one ends.
        let (mut end, mut sum) = (0, 0usize);
        for span in &spans {
            sum = sum.saturating_add(span.len());
            let next = spans.iter().find(|next| next.start == end && next.count > 0);
            end = next.map_or(end, |next| end + next.len());
        }
        if end != self.data.len() || sum != end {
            return Err(bad("its tensors do not cover its data"));
        }
        Ok(())
    }

    /// The text under a key of the metadata.
    pub(super) fn metadata(&self, key: &'static str) -> Result<&str, ModelError> {
        let found = self.header.get(METADATA).and_then(|metadata| metadata.get(key)?.as_str());
        found.ok_or(ModelError::Format { key, found: String::new() })
    }

    /// The tensor of this name.
    pub(super) fn tensor(&self, name: &str) -> Option<Tensor<'a>> {
        let Span { kind, count, start } = span(self.header.get(name)?)?;
        let data = self.data.get(start..)?.get(..count * kind.bytes())?;
        Some(Tensor { kind, count, data })
    }
}

/// Where a tensor lies in the data.
struct Span {
    kind: Element,
    count: usize,
    start: usize,
}

impl Span {
    /// Bytes of the tensor.
    fn len(&self) -> usize {
        self.count * self.kind.bytes()
    }
}

/// Reads the entry of a tensor. `None` if a part is missing, if the tensor does not fit memory, or
/// if its offsets do not match its type and shape.
fn span(entry: &Value) -> Option<Span> {
    let kind = Element::from_name(entry.get("dtype")?.as_str()?)?;
    let sides = entry.get("shape")?.as_array()?;
    let count = sides
        .iter()
        .try_fold(1usize, |count, side| count.checked_mul(usize::try_from(side.as_u64()?).ok()?))?;
    let [start, end] = Fields::new(entry)?.pair("data_offsets").ok()??;
    (count.checked_mul(kind.bytes())? == end.checked_sub(start)?).then_some(Span {
        kind,
        count,
        start,
    })
}

fn bad(reason: &str) -> ModelError {
    ModelError::Container(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use safetensors::{Dtype, SafeTensors};

    use super::*;

    /// The bundled models.
    fn models() -> Vec<Vec<u8>> {
        let names = ["locate-u4", "ocr-u4", "ocr-u8", "ocr-f32"];
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let read = |name| std::fs::read(models.join(name).with_extension("safetensors"));
        names.map(|name| read(name).expect("a bundled model")).into()
    }

    /// A file with this header and that many bytes of data.
    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 7);
        bytes
    }

    /// Whether the file is read, after a comparison of everything that `safetensors` finds in it.
    fn read(bytes: &[u8]) -> bool {
        let Ok(container) = Container::read(bytes) else { return false };
        let crates = SafeTensors::deserialize(bytes).expect("a file that the crate reads too");
        let (_, header) = SafeTensors::read_metadata(bytes).expect("the same file");
        for (name, view) in crates.tensors() {
            let tensor = container.tensor(&name).expect("each tensor");
            let kind = match tensor.kind {
                Element::I8 => Dtype::I8,
                Element::U8 => Dtype::U8,
                Element::I32 => Dtype::I32,
                Element::F32 => Dtype::F32,
            };
            assert_eq!((kind, tensor.data), (view.dtype(), view.data()), "{name}");
            assert_eq!(tensor.count, view.shape().iter().product::<usize>(), "{name}");
        }
        for key in ["format", "version", "precision", "network"] {
            let value = header.metadata().as_ref().and_then(|map| map.get(key));
            assert_eq!(container.metadata(key).ok(), value.map(String::as_str));
        }
        true
    }

    #[test]
    fn it_finds_in_the_models_what_the_crate_finds() {
        assert!(models().iter().all(|model| read(model)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads thousands of files")]
    fn it_refuses_what_the_crate_refuses() {
        // Every byte of a header, replaced by each of these.
        let model = &models()[0];
        let end = 8 + usize::from(model[0]) + 256 * usize::from(model[1]);
        let (mut taken, mut refused) = (0, 0);
        for at in 0..end {
            for byte in *b"09 \"]},\xff" {
                let mut bytes = model.clone();
                bytes[at] = byte;
                // Metadata that is not text fails where it is read, not in the container.
                if Container::read(&bytes).is_ok() && SafeTensors::deserialize(&bytes).is_err() {
                    let found = Container::read(&bytes).and_then(|container| {
                        ["format", "version", "precision", "network"]
                            .into_iter()
                            .try_for_each(|key| container.metadata(key).map(drop))
                    });
                    assert!(found.is_err(), "byte {at} replaced by {byte}");
                    continue;
                }
                if read(&bytes) { taken += 1 } else { refused += 1 }
            }
        }
        assert!(taken > 300 && refused > 1000, "{taken} taken, {refused} refused");
    }

    #[test]
    fn tensors_cover_the_data_once() {
        let entry = |name: &str, shape: &str, [start, end]: [usize; 2]| {
            format!(
                "\"{name}\":{{\"dtype\":\"U8\",\"shape\":{shape},\"data_offsets\":[{start},{end}]}}"
            )
        };
        let two = |first, second| {
            file(&format!("{{{},{}}}", entry("a", "[4]", first), entry("b", "[2,2]", second)), 8)
        };
        assert!(read(&two([0, 4], [4, 8])) && read(&two([4, 8], [0, 4])));
        assert!(!read(&two([0, 4], [3, 7])), "overlap");
        assert!(!read(&two([0, 4], [0, 4])), "the same place");
        assert!(!read(&two([0, 4], [5, 9])), "beyond the end");
        assert!(!read(&two([0, 3], [4, 8])), "another size");
        assert!(!read(&two([4, 0], [4, 8])), "backwards");
        let one = |shape, ends| file(&format!("{{{}}}", entry("a", shape, ends)), 8);
        assert!(read(&one("[2,4]", [0, 8])) && read(&one("[8,1,1]", [0, 8])));
        assert!(!read(&one("[4294967296,4294967296]", [0, 0])), "a product beyond 64 bits");
        assert!(!read(&one("[4]", [0, 4])), "data without a tensor");
        let nothing = entry("c", "[0]", [8, 8]);
        assert!(read(&file(&format!("{{{},{nothing}}}", entry("a", "[8]", [0, 8])), 8)));
    }

    #[test]
    fn headers_are_bounded() {
        let spaces = |count: usize| file(&format!("{{}}{}", " ".repeat(count)), 0);
        assert!(read(&spaces(MAX_HEADER_BYTES - 2)));
        assert!(!read(&spaces(MAX_HEADER_BYTES - 1)));
        assert!(!read(&file("[]", 0)) && !read(&file("{", 0)) && !read(b"short"));
        let mut cut = file("{}", 0);
        cut.pop();
        assert!(!read(&cut));
        let many: Vec<String> = (0..800)
            .map(|at| format!("\"{at}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"))
            .collect();
        assert!(!read(&file(&format!("{{{}}}", many.join(",")), 0)), "more than layers can have");
    }
}
