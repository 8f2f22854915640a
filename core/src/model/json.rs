//! The fields of a JSON object, read one by one, with errors that name them.

use serde_json::{Map, Value};

/// A JSON object.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(&'a Map<String, Value>);

/// A field that is not what it must be, shown as "`in` must be a whole number".
#[derive(Debug)]
pub(super) struct Mismatch {
    key: &'static str,
    wanted: &'static str,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, wanted } = self;
        write!(f, "`{key}` must be {wanted}")
    }
}

/// A field that may be absent; one that is null counts as absent.
type Field<T> = Result<Option<T>, Mismatch>;

impl<'a> Fields<'a> {
    /// The fields of `value`, if it is an object.
    pub(super) fn new(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    fn read<T>(
        self,
        key: &'static str,
        wanted: &'static str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Field<T> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or(Mismatch { key, wanted }),
        }
    }

    /// A field that must be there.
    pub(super) fn must<T>(
        self,
        read: impl Fn(Self, &'static str) -> Field<T>,
        key: &'static str,
    ) -> Result<T, Mismatch> {
        read(self, key)?.ok_or(Mismatch { key, wanted: "there" })
    }

    /// A text.
    pub(super) fn text(self, key: &'static str) -> Field<&'a str> {
        self.read(key, "a text", Value::as_str)
    }

    /// A whole number that memory can count.
    pub(super) fn number(self, key: &'static str) -> Field<usize> {
        self.read(key, "a whole number", number)
    }

    /// A whole number from 0 to 255.
    pub(super) fn byte(self, key: &'static str) -> Field<u8> {
        self.read(key, "a whole number from 0 to 255", |value| u8::try_from(value.as_u64()?).ok())
    }

    /// Two whole numbers.
    pub(super) fn pair(self, key: &'static str) -> Field<[usize; 2]> {
        self.read(key, "two whole numbers", |value| {
            let [first, second] = value.as_array()?.as_slice() else { return None };
            Some([number(first)?, number(second)?])
        })
    }

    /// An object.
    pub(super) fn object(self, key: &'static str) -> Field<Fields<'a>> {
        self.read(key, "an object", Self::new)
    }

    /// An array.
    pub(super) fn array(self, key: &'static str) -> Field<&'a [Value]> {
        self.read(key, "an array", |value| value.as_array().map(Vec::as_slice))
    }
}

fn number(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}
