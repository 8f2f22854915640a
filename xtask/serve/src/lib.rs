//! A server of static files, for this machine alone.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Component, Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};

/// Largest request line in bytes; a connection that sends more is closed.
const MAX_LINE: u64 = 8192;

/// Serves `folder` on localhost until the process ends.
///
/// # Errors
/// If the port is taken.
pub fn forever(folder: &Path, port: u16) -> Result<()> {
    let listener = TcpListener::bind(("localhost", port))
        .with_context(|| format!("port {port} is taken: choose another with --port N"))?;
    let port = listener.local_addr()?.port();
    println!("\nNibble is at http://localhost:{port}  (Ctrl-C ends it)");
    for stream in listener.incoming() {
        let folder = folder.to_path_buf();
        thread::spawn(move || {
            if let Ok(mut stream) = stream {
                // A browser that goes away is not an error of the server.
                let _ = answer(&mut stream, &folder);
            }
        });
    }
    Ok(())
}

/// Reads one request and answers it with a file of `folder`.
///
/// # Errors
/// If `stream` cannot be read or written.
pub fn answer(stream: &mut (impl Read + Write), folder: &Path) -> std::io::Result<()> {
    let mut reader = BufReader::new(Read::take(&mut *stream, MAX_LINE * 8));
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = request.split_whitespace();
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or("/");
    let file = file_for(folder, target).and_then(|path| Some((fs::read(&path).ok()?, kind(&path))));
    let (status, kind, body) = match (method, file) {
        ("GET" | "HEAD", Some((body, kind))) => ("200 OK", kind, body),
        ("GET" | "HEAD", None) => {
            ("404 Not Found", "text/plain; charset=utf-8", b"not found\n".to_vec())
        }
        _ => ("405 Method Not Allowed", "text/plain; charset=utf-8", Vec::new()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    if method == "GET" {
        stream.write_all(&body)?;
    }
    stream.flush()
}

/// The file under `folder` that a request target names; never one outside of it.
fn file_for(folder: &Path, target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?.trim_start_matches('/');
    let relative = Path::new(path);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let file = folder.join(relative);
    Some(if path.is_empty() || path.ends_with('/') { file.join("index.html") } else { file })
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
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_stay_inside_the_folder() {
        let folder = Path::new("site");
        assert_eq!(file_for(folder, "/"), Some(PathBuf::from("site/index.html")));
        assert_eq!(file_for(folder, "/assets/a.js?v=1"), Some(PathBuf::from("site/assets/a.js")));
        assert_eq!(file_for(folder, "/../Cargo.toml"), None);
        assert_eq!(file_for(folder, "//etc/passwd"), Some(PathBuf::from("site/etc/passwd")));
        assert_eq!(file_for(folder, "/a/../../b"), None);
    }
}
