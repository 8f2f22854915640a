//! A server of static files, for this machine alone.
//!
//! It is small, and it holds against careless and hostile clients: a request has a deadline, the
//! number of connections is limited, files are sent in pieces, and no path leads out of the folder.
//! What becomes smaller is compressed, and what a browser has already is not sent again.

mod connections;
mod packed;
mod request;

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

pub use connections::{Limits, Timed, serve};
use request::Request;

/// Maximum bytes of a request's head; a connection that sends more is closed.
const MAX_HEAD: u64 = 64 << 10;

/// The status for what a client has already.
const NOT_MODIFIED: &str = "304 Not Modified";

/// Serves `folder` on localhost until the process ends.
///
/// # Errors
/// If the port is taken.
pub fn forever(folder: &Path, port: u16) -> Result<()> {
    let listener = local(port)?;
    let port = listener.local_addr()?.port();
    println!("\nNibble is at http://localhost:{port}  (Ctrl-C ends it)");
    serve_files(&listener, folder, Limits::DEFAULT);
    Ok(())
}

/// Serves `folder` on localhost while the process does something else; returns the port.
///
/// # Errors
/// If no port is free.
pub fn beside(folder: &Path) -> Result<u16> {
    let (listener, folder) = (local(0)?, folder.to_path_buf());
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || serve_files(&listener, &folder, Limits::DEFAULT));
    Ok(port)
}

/// A listener that other machines cannot reach.
///
/// # Errors
/// If the port is taken.
fn local(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} is taken: choose another with --port N"))
}

fn serve_files(listener: &TcpListener, folder: &Path, limits: Limits) {
    let folder = Arc::new(folder.to_path_buf());
    serve(listener, limits, move |mut stream: Timed<TcpStream>| {
        // A browser that goes away is not an error of the server.
        let _ = answer(&mut stream, &folder);
    });
}

/// What is sent before a body.
struct Head {
    status: &'static str,
    kind: &'static str,
    length: u64,
    /// Further headers, each with its end.
    more: String,
}

/// Reads one request and answers it with a file of `folder`, or with a part of it.
///
/// # Errors
/// If `stream` cannot be read or written, or if the request is too long or not complete.
pub fn answer(stream: &mut (impl Read + Write), folder: &Path) -> io::Result<()> {
    let request = Request::read(&mut BufReader::new(Read::take(&mut *stream, MAX_HEAD)))?;
    let plain = |status, body: &'static str| {
        let kind = "text/plain; charset=utf-8";
        let more = String::new();
        (Head { status, kind, length: body.len() as u64, more }, Body::Text(body))
    };
    let (head, body) = match request.method.as_str() {
        "GET" | "HEAD" => match file_for(folder, &request.target).and_then(open) {
            Some(found) => sent(found, &request)?,
            None => plain("404 Not Found", "not found\n"),
        },
        _ => plain("405 Method Not Allowed", ""),
    };
    let Head { status, kind, length, more } = head;
    // What is not sent has no length of its own.
    let measured = match status {
        NOT_MODIFIED => String::new(),
        _ => format!("Content-Length: {length}\r\n"),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{measured}{more}\
         Accept-Ranges: bytes\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n\
         Connection: close\r\n\r\n"
    )?;
    if request.method != "HEAD" {
        match body {
            Body::Text(text) => stream.write_all(text.as_bytes())?,
            Body::Packed(bytes) => stream.write_all(&bytes)?,
            Body::File(file) => {
                io::copy(&mut file.take(length), stream)?;
            }
        }
    }
    stream.flush()
}

enum Body {
    Text(&'static str),
    /// A file, compressed.
    Packed(Arc<[u8]>),
    /// A file from where it is to be read.
    File(File),
}

/// A file that is there.
struct Found {
    path: PathBuf,
    file: File,
    length: u64,
    kind: &'static str,
    /// What changes when the file does.
    tag: Option<String>,
}

/// The answer with a file: nothing if the client has it, a part if that is asked for, and otherwise
/// all of it, compressed if the client takes that.
fn sent(mut found: Found, request: &Request) -> io::Result<(Head, Body)> {
    let kind = found.kind;
    let packable = packed::is_packable(kind);
    let headers = |tag: Option<&str>, more: &str| {
        let tag = tag.map(|tag| format!("ETag: {tag}\r\n")).unwrap_or_default();
        let vary = if packable { "Vary: Accept-Encoding\r\n" } else { "" };
        format!("{tag}{vary}{more}")
    };
    let tag = found.tag.take();
    if let Some(tag) = &tag {
        let both = [tag.clone(), packed::packed_tag(tag)];
        if let Some(known) = both.iter().find(|tag| request.known.contains(tag)) {
            let more = headers(Some(known), "");
            return Ok((Head { status: NOT_MODIFIED, kind, length: 0, more }, Body::Text("")));
        }
        if request.range.is_none() && request.takes_gzip && packable {
            let bytes = packed::packed(&found.path, tag, &mut found.file, found.length)?;
            if let Some(bytes) = bytes {
                let more = headers(Some(&packed::packed_tag(tag)), "Content-Encoding: gzip\r\n");
                let length = bytes.len() as u64;
                return Ok((Head { status: "200 OK", kind, length, more }, Body::Packed(bytes)));
            }
            // It may have been read to see that it does not become smaller.
            found.file.seek(SeekFrom::Start(0))?;
        }
    }
    let (mut head, body) = part_of(found, request)?;
    head.more = headers(tag.as_deref(), &head.more);
    Ok((head, body))
}

/// The part of a file that is asked for: all of it if no single range is.
fn part_of(found: Found, request: &Request) -> io::Result<(Head, Body)> {
    let Found { mut file, length, kind, .. } = found;
    let Some(range) = &request.range else {
        let more = String::new();
        return Ok((Head { status: "200 OK", kind, length, more }, Body::File(file)));
    };
    let Some((first, last)) = request::within(range, length) else {
        let more = format!("Content-Range: bytes */{length}\r\n");
        let head = Head { status: "416 Range Not Satisfiable", kind, length: 0, more };
        return Ok((head, Body::Text("")));
    };
    file.seek(SeekFrom::Start(first))?;
    let more = format!("Content-Range: bytes {first}-{last}/{length}\r\n");
    let head = Head { status: "206 Partial Content", kind, length: last - first + 1, more };
    Ok((head, Body::File(file)))
}

/// Opens a file for reading, and says how long and of what kind it is. Devices and pipes are not
/// opened: they may block.
fn open(path: PathBuf) -> Option<Found> {
    let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
    let file = File::open(&path).ok()?;
    let (kind, tag) = (kind(&path), packed::tag(&metadata));
    Some(Found { path, file, length: metadata.len(), kind, tag })
}

/// The file under `folder` that a request target names; never one outside of it, by `..` or by a
/// link.
fn file_for(folder: &Path, target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.trim_start_matches('/');
    let relative = Path::new(path);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || path.contains('\0') {
        return None;
    }
    let file = folder.join(relative);
    let file = if path.is_empty() || path.ends_with('/') { file.join("index.html") } else { file };
    let real = file.canonicalize().ok()?;
    real.starts_with(folder.canonicalize().ok()?).then_some(real)
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" => "image/jpeg",
        "webp" => "image/webp",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Shutdown, SocketAddr};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// A folder with a page, and a secret beside it.
    struct Site(PathBuf);

    impl Site {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("nibble-{name}-{}", std::process::id()));
            fs::create_dir_all(root.join("site/inner")).expect("a folder");
            fs::write(root.join("site/index.html"), "0123456789").expect("a file");
            fs::write(root.join("site/inner/a.js"), "code").expect("a file");
            fs::write(root.join("secret"), "secret").expect("a file");
            #[cfg(unix)]
            std::os::unix::fs::symlink(root.join("secret"), root.join("site/link"))
                .expect("a link");
            Self(root)
        }

        /// Serves the folder and returns the address.
        fn serve(&self, limits: Limits) -> SocketAddr {
            let (listener, folder) = (local(0).expect("a free port"), self.0.join("site"));
            let address = listener.local_addr().expect("bound");
            assert!(address.ip().is_loopback());
            thread::spawn(move || serve_files(&listener, &folder, limits));
            address
        }
    }

    impl Drop for Site {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Far longer than an answer takes: a test that waits for one in vain ends.
    const PATIENCE: Duration = Duration::from_secs(120);

    fn connect(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
    }

    /// The answer to a request: its head and its body.
    fn ask(address: SocketAddr, request: &str) -> (String, String) {
        let mut stream = connect(address);
        stream.write_all(request.as_bytes()).expect("it is read");
        stream.shutdown(Shutdown::Write).expect("the request is complete");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
        (head.to_owned(), body.to_owned())
    }

    fn get(address: SocketAddr, target: &str, headers: &str) -> (String, String) {
        ask(address, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"))
    }

    #[test]
    fn files_are_served_whole_and_in_parts() {
        let site = Site::new("parts");
        let address = site.serve(Limits::DEFAULT);
        let (head, body) = get(address, "/", "");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html"), "{head}");
        assert_eq!(body, "0123456789");
        assert_eq!(get(address, "/inner/a.js?v=1", "").1, "code");
        for (range, status, part) in [
            ("bytes=2-4", "206", "234"),
            ("bytes=7-", "206", "789"),
            ("bytes=-2", "206", "89"),
            ("bytes=0-0", "206", "0"),
            ("bytes=5-99999999999999999999", "200", "0123456789"),
            ("bytes=5-99", "206", "56789"),
            ("bytes=-99", "206", "0123456789"),
            ("bytes=10-", "416", ""),
            ("bytes=-0", "416", ""),
            // What is no single range is left out of account.
            ("bytes=4-2", "200", "0123456789"),
            ("bytes=0-1,3-4", "200", "0123456789"),
            ("lines=1-2", "200", "0123456789"),
            ("bytes=x-", "200", "0123456789"),
        ] {
            let (head, body) = get(address, "/index.html", &format!("RANGE: {range}\r\n"));
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{range}: {head}");
            assert_eq!(body, part, "{range}");
            assert!(head.contains(&format!("Content-Length: {}\r\n", part.len())), "{head}");
        }
        assert!(
            get(address, "/", "Range: bytes=2-4\r\n").0.contains("Content-Range: bytes 2-4/10")
        );
    }

    /// The answer to a request as bytes: its head, and its body.
    fn bytes_of(address: SocketAddr, target: &str, headers: &str) -> (String, Vec<u8>) {
        let mut stream = connect(address);
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("it is read");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
        (String::from_utf8_lossy(&answer[..end]).into_owned(), answer.split_off(end + 4))
    }

    #[test]
    fn what_becomes_smaller_is_compressed_for_who_takes_it() {
        let site = Site::new("packed");
        let text = "const nibble = 4;\n".repeat(500);
        fs::write(site.0.join("site/long.js"), &text).expect("a file");
        fs::write(site.0.join("site/long.png"), &text).expect("a file");
        let address = site.serve(Limits::DEFAULT);
        let gzip = "Accept-Encoding: br, gzip\r\n";
        // The second time it is kept.
        for _ in 0..2 {
            let (head, body) = bytes_of(address, "/long.js", gzip);
            assert!(head.contains("Content-Encoding: gzip\r\nAccept"), "{head}");
            assert!(head.contains("Vary: Accept-Encoding\r\n"), "{head}");
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
            assert!(body.len() < text.len() / 10);
            let mut plain = String::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut plain).expect("gzip");
            assert_eq!(plain, text);
        }
        // Not for who does not take it, in parts, of pictures, and where it does not help.
        let ranged = format!("{gzip}Range: bytes=6-11\r\n");
        for (target, headers, wanted) in [
            ("/long.js", "", text.as_str()),
            ("/long.js", ranged.as_str(), "nibble"),
            ("/long.png", gzip, text.as_str()),
            ("/inner/a.js", gzip, "code"),
        ] {
            let (head, body) = bytes_of(address, target, headers);
            assert!(!head.contains("Content-Encoding"), "{target}: {head}");
            assert_eq!(String::from_utf8_lossy(&body), wanted, "{target}");
        }
        // A file that changes is compressed anew.
        fs::write(site.0.join("site/long.js"), text.replace('4', "8,")).expect("a file");
        let (_, body) = bytes_of(address, "/long.js", gzip);
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut plain).expect("gzip");
        assert!(plain.starts_with("const nibble = 8,;"));
    }

    #[test]
    fn what_a_client_has_is_not_sent_again() {
        let site = Site::new("tags");
        let text = "0123456789".repeat(100);
        fs::write(site.0.join("site/index.html"), &text).expect("a file");
        let address = site.serve(Limits::DEFAULT);
        let tag_of = |headers: &str| {
            let (head, _) = bytes_of(address, "/", headers);
            let (_, rest) = head.split_once("ETag: ").expect("a tag");
            rest.split("\r\n").next().expect("a line").to_owned()
        };
        let gzip = "Accept-Encoding: gzip\r\n";
        let (plain, packed) = (tag_of(""), tag_of(gzip));
        assert_ne!(plain, packed, "two forms of one file");
        for (headers, known) in [
            (format!("If-None-Match: {plain}\r\n"), true),
            (format!("{gzip}If-None-Match: {packed}\r\n"), true),
            (format!("{gzip}If-None-Match: \"x\", W/{packed}\r\n"), true),
            ("If-None-Match: \"x\"\r\n".to_owned(), false),
        ] {
            let (head, body) = bytes_of(address, "/", &headers);
            let status = if known { "304 Not Modified" } else { "200 OK" };
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{headers}: {head}");
            assert_eq!(body.is_empty(), known, "{headers}");
            assert!(head.contains("ETag: "), "{head}");
        }
        fs::write(site.0.join("site/index.html"), "another").expect("a file");
        let (head, body) = bytes_of(address, "/", &format!("If-None-Match: {plain}\r\n"));
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert_eq!(body, b"another");
    }

    #[test]
    fn other_methods_and_paths_get_nothing() {
        let site = Site::new("paths");
        let address = site.serve(Limits::DEFAULT);
        let (head, body) = ask(address, "HEAD / HTTP/1.1\r\n\r\n");
        assert!(head.contains("200 OK") && head.contains("Content-Length: 10"), "{head}");
        assert_eq!(body, "");
        assert!(ask(address, "POST / HTTP/1.1\r\n\r\nx").0.contains("405"));
        for target in [
            "/../secret",
            "/inner/../../secret",
            "//../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            "/./index.html",
            "/inner",
            "/link",
            "/nothing",
            "/secret",
            "/index.html\0",
            "/etc/passwd",
            "../secret",
            "http://localhost/../secret",
        ] {
            let (head, body) = get(address, target, "");
            assert!(head.starts_with("HTTP/1.1 404"), "{target}: {head}");
            assert!(!body.contains("secret"), "{target}");
        }
    }

    #[test]
    fn heads_too_long_or_cut_off_get_no_answer() {
        let site = Site::new("heads");
        let address = site.serve(Limits::DEFAULT);
        assert_eq!(ask(address, "GET / HTTP/1.1\r\nHost: local").0, "");
        assert_eq!(ask(address, "").0, "");
        let mut stream = connect(address);
        let head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(200_000));
        // The server may close while this is still being sent.
        let _ = stream.write_all(head.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer, b"");
        assert!(get(address, "/", "").0.contains("200 OK"), "others are served");
    }

    /// A client that is slower than the deadline is cut off, however steadily it sends.
    #[test]
    fn slow_clients_are_cut_off() {
        let site = Site::new("slow");
        let limits = Limits { max_time: Duration::from_millis(300), ..Limits::DEFAULT };
        let address = site.serve(limits);
        let mut drip = connect(address);
        let mut bytes = b"GET / HTTP/1.1\r\n".iter().cycle().take(6_000);
        let cut = bytes.any(|byte| {
            thread::sleep(Duration::from_millis(20));
            drip.write_all(&[*byte]).is_err()
        });
        assert!(cut, "two minutes of single bytes");
        let mut idle = connect(address);
        let mut answer = Vec::new();
        let _ = idle.read_to_end(&mut answer);
        assert_eq!(answer, b"", "closed, before patience ended");
    }

    /// Idle connections beyond the limit make room for new ones.
    #[test]
    fn idle_connections_block_nobody() {
        let site = Site::new("idle");
        let limits = Limits { max_connections: 8, max_time: PATIENCE * 2 };
        let address = site.serve(limits);
        let idle: Vec<TcpStream> = (0..100).map(|_| connect(address)).collect();
        for _ in 0..3 {
            assert!(get(address, "/", "").0.contains("200 OK"));
        }
        drop(idle);
    }
}
