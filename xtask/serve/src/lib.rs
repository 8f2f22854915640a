//! A server of static files, for this machine alone.
//!
//! It is small, and it holds against careless and hostile clients: a request has a deadline, the
//! number of connections is limited, files are sent in pieces, and no path leads out of the folder.

mod connections;
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
    /// The header that says which part of a file this is.
    range: Option<String>,
}

/// Reads one request and answers it with a file of `folder`, or with a part of it.
///
/// # Errors
/// If `stream` cannot be read or written, or if the request is too long or not complete.
pub fn answer(stream: &mut (impl Read + Write), folder: &Path) -> io::Result<()> {
    let request = Request::read(&mut BufReader::new(Read::take(&mut *stream, MAX_HEAD)))?;
    let plain = |status, body: &'static str| {
        let kind = "text/plain; charset=utf-8";
        (Head { status, kind, length: body.len() as u64, range: None }, Body::Text(body))
    };
    let (head, body) = match request.method.as_str() {
        "GET" | "HEAD" => match file_for(folder, &request.target).and_then(open) {
            Some((file, length, kind)) => part_of(file, length, kind, &request)?,
            None => plain("404 Not Found", "not found\n"),
        },
        _ => plain("405 Method Not Allowed", ""),
    };
    let Head { status, kind, length, range } = head;
    let range = range.map(|range| format!("Content-Range: {range}\r\n")).unwrap_or_default();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{range}\
         Accept-Ranges: bytes\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n\
         Connection: close\r\n\r\n"
    )?;
    if request.method != "HEAD" {
        match body {
            Body::Text(text) => stream.write_all(text.as_bytes())?,
            Body::File(file) => {
                io::copy(&mut file.take(length), stream)?;
            }
        }
    }
    stream.flush()
}

enum Body {
    Text(&'static str),
    /// A file from where it is to be read.
    File(File),
}

/// The part of a file that is asked for: all of it if no single range is.
fn part_of(
    mut file: File,
    length: u64,
    kind: &'static str,
    request: &Request,
) -> io::Result<(Head, Body)> {
    let Some(range) = &request.range else {
        return Ok((Head { status: "200 OK", kind, length, range: None }, Body::File(file)));
    };
    let Some((first, last)) = request::within(range, length) else {
        let range = Some(format!("bytes */{length}"));
        let head = Head { status: "416 Range Not Satisfiable", kind, length: 0, range };
        return Ok((head, Body::Text("")));
    };
    file.seek(SeekFrom::Start(first))?;
    let range = Some(format!("bytes {first}-{last}/{length}"));
    let head = Head { status: "206 Partial Content", kind, length: last - first + 1, range };
    Ok((head, Body::File(file)))
}

/// Opens a file for reading, and says how long and of what kind it is. Devices and pipes are not
/// opened: they may block.
fn open(path: PathBuf) -> Option<(File, u64, &'static str)> {
    let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
    Some((File::open(&path).ok()?, metadata.len(), kind(&path)))
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
