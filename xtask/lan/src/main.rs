//! `cargo xtask demo --lan`: the page for a phone in the same network.
//!
//! Browsers allow the camera only over HTTPS, so this machine makes a certificate for its own
//! address, a new one each time.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use nibble_serve::{Limits, Timed, serve};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use time::{Duration, OffsetDateTime};

/// How long the certificate is valid, more than a demonstration takes. Phones refuse over 825 days.
const VALID: Duration = Duration::days(30);
/// The certificate is valid from this long ago, because the clocks of phone and laptop may differ.
const BEFORE: Duration = Duration::days(1);
/// An address reserved for documentation. Nothing is sent there; the system only tells which of its
/// own addresses it would use.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

const ADVICE: &str = "\
What the phone will ask (it must be in the same network):
  1. It warns of the certificate, which this machine made a moment ago and nobody vouches for.
     Chrome: Advanced, Proceed.  Safari: Show Details, visit this website.  Firefox: Advanced, Accept the Risk.
  2. The page asks for the camera when you press its button.
Installing the page and using it without a network need a certificate that the phone trusts: put web/dist on any HTTPS host for that.";

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let usage = "nibble-lan FOLDER PORT";
    let folder = arguments.next().context(usage)?;
    let port = arguments.next().and_then(|port| port.to_str()?.parse().ok()).context(usage)?;
    forever(Path::new(&folder), port)
}

/// Serves `folder` to the network until the process ends.
fn forever(folder: &Path, port: u16) -> Result<()> {
    let address = own_address().context("this machine is in no network")?;
    let config = Arc::new(config(&certificate(address)?)?);
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
        .with_context(|| format!("port {port} is taken: choose another with --port N"))?;
    let page = format!("https://{address}:{}/", listener.local_addr()?.port());
    println!("\n{}\n\nNibble is at {page}  (Ctrl-C ends it)\n\n{ADVICE}", code(&page)?);
    listen(&listener, &config, folder);
    Ok(())
}

fn listen(listener: &TcpListener, config: &Arc<ServerConfig>, folder: &Path) {
    let (config, folder) = (Arc::clone(config), folder.to_path_buf());
    serve(listener, Limits::DEFAULT, move |stream| {
        // A phone that goes away, or does not accept the certificate yet, is not an error of the
        // server.
        let _ = answer(Arc::clone(&config), stream, &folder);
    });
}

fn answer(config: Arc<ServerConfig>, stream: Timed<TcpStream>, folder: &Path) -> Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, stream);
    nibble_serve::answer(&mut stream, folder)?;
    stream.conn.send_close_notify();
    stream.flush()?;
    Ok(())
}

/// The address of this machine in its network.
fn own_address() -> Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(ELSEWHERE)?;
    Ok(socket.local_addr()?.ip())
}

/// A certificate and its key.
struct Certificate {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

fn certificate(address: IpAddr) -> Result<Certificate> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new([address.to_string(), String::from("localhost")])?;
    parameters.distinguished_name.push(DnType::CommonName, "Nibble on this machine");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = OffsetDateTime::now_utc();
    (parameters.not_before, parameters.not_after) = (now - BEFORE, now + VALID);
    let certificate = parameters.self_signed(&key)?.der().clone();
    Ok(Certificate { certificate, key: key.serialize_der() })
}

fn config(own: &Certificate) -> Result<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.clone()));
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(builder.with_no_client_auth().with_single_cert(vec![own.certificate.clone()], key)?)
}

/// A QR code for a terminal, with two modules per character.
fn code(text: &str) -> Result<String> {
    let code = QrCode::new(text)?;
    // Most terminals are dark, so the light modules are printed.
    Ok(code.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::thread;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    /// Sends a request like a phone that trusts the certificate, to the address in it.
    fn ask(own: &Certificate, asked: IpAddr, port: u16) -> Result<String> {
        let mut roots = RootCertStore::empty();
        roots.add(own.certificate.clone())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = ClientConnection::new(Arc::new(config), ServerName::IpAddress(asked.into()))?;
        let mut stream = StreamOwned::new(client, TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
        stream.write_all(b"GET /main.rs HTTP/1.1\r\nHost: nibble\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn files_are_served_over_https_to_who_trusts_the_address() {
        let own = certificate(IpAddr::V4(Ipv4Addr::LOCALHOST)).expect("a certificate");
        let config = Arc::new(config(&own).expect("a configuration"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        thread::spawn(move || listen(&listener, &config, &folder));
        let answer = ask(&own, IpAddr::V4(Ipv4Addr::LOCALHOST), port).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains("cargo xtask demo --lan"));
        // The certificate is for this address and no other.
        assert!(ask(&own, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), port).is_err());
    }

    #[test]
    fn the_code_is_square() {
        let code = code("https://192.168.178.123:8080/").expect("a code");
        let lines: Vec<&str> = code.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(lines.len(), width.div_ceil(2));
    }
}
