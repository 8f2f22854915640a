//! Requests: what the server looks at.

use std::io::{self, BufRead, ErrorKind};

/// A request for a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// The value of the header `Range`, if it is a single range of bytes.
    pub(crate) range: Option<Range>,
    /// Whether the answer may be compressed with gzip.
    pub(crate) takes_gzip: bool,
    /// The tags of what the client has already, without the mark of weak ones.
    pub(crate) known: Vec<String>,
}

/// A range of bytes as it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// From a byte on, to another one if it is named; both are included.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

impl Request {
    /// Reads the head of a request, up to the empty line.
    ///
    /// # Errors
    /// [`io::Error`] if the input cannot be read, or ends before the head does.
    pub(crate) fn read(input: &mut impl BufRead) -> io::Result<Self> {
        let mut words = line(input)?;
        let mut request = Self::default();
        if let Some((method, rest)) = words.split_once(' ') {
            // The target ends at the last space, before the version.
            let target = rest.rsplit_once(' ').map_or(rest, |(target, _)| target);
            (request.method, request.target) = (method.to_owned(), target.trim().to_owned());
        }
        loop {
            words = line(input)?;
            if words.is_empty() {
                return Ok(request);
            }
            let (name, value) = words.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "range" => request.range = range(value.trim()),
                "accept-encoding" => request.takes_gzip = takes_gzip(value),
                "if-none-match" => request.known = tags(value),
                _ => {}
            }
        }
    }
}

/// Whether `gzip` is among the encodings, and not excluded by a weight of 0.
fn takes_gzip(value: &str) -> bool {
    value.split(',').any(|encoding| {
        let (name, weight) = encoding.split_once(';').unwrap_or((encoding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.unwrap_or(1.0) > 0.0
    })
}

/// The tags of a list.
fn tags(value: &str) -> Vec<String> {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    value.split(',').map(plain).filter(|tag| !tag.is_empty()).collect()
}

/// The next line without its end; bytes that are no text are replaced.
fn line(input: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned())
}

/// A single range; `None` for several ones, and for what is no range: RFC 9110 has them ignored.
fn range(value: &str) -> Option<Range> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    match (first, last) {
        ("", last) => Some(Range::Last(number(last)?)),
        (first, "") => Some(Range::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Range::From(first, Some(last)))
        }
    }
}

/// The first and the last byte of a range in a file of `length` bytes; `None` if it has none there.
pub(crate) fn within(range: &Range, length: u64) -> Option<(u64, u64)> {
    let end = length.checked_sub(1)?;
    match *range {
        Range::From(first, last) => (first <= end).then(|| (first, last.unwrap_or(end).min(end))),
        Range::Last(0) => None,
        Range::Last(count) => Some((length.saturating_sub(count), end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> io::Result<Request> {
        Request::read(&mut &text[..])
    }

    #[test]
    fn requests_are_read() {
        let request = read(b"GET /a b HTTP/1.1\r\nHost: x\r\nrange:bytes=1-\r\n\r\nrest").unwrap();
        assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/a b"));
        assert_eq!(request.range, Some(Range::From(1, None)));
        assert_eq!(read(b"GET\n\n").unwrap(), Request::default());
        let known = read(b"GET / 1\nif-none-match: \"a\", W/\"b\"\n\n").unwrap().known;
        assert_eq!(known, ["\"a\"", "\"b\""]);
        for (encodings, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.2", true),
            ("gzip;q=0", false),
            ("br", false),
            ("x-gzip", false),
        ] {
            let head = format!("GET / 1\nAccept-Encoding: {encodings}\n\n");
            assert_eq!(read(head.as_bytes()).unwrap().takes_gzip, takes, "{encodings}");
        }
        assert!(read(b"GET / HTTP/1.1\r\nHost: x\r\n").is_err());
        assert!(read(b"\xff\xfe / HTTP/1.1\r\n\xff\r\n\r\n").is_ok());
    }

    #[test]
    fn ranges_stay_inside_the_file() {
        assert_eq!(within(&Range::From(0, None), 0), None);
        assert_eq!(within(&Range::Last(5), 0), None);
        assert_eq!(within(&Range::From(3, Some(u64::MAX)), 10), Some((3, 9)));
        assert_eq!(within(&Range::Last(u64::MAX), 10), Some((0, 9)));
    }
}
