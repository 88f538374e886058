//! A small HTTP/1.1 client over one kept connection: it costs the sender little, so that a bench measures the server.

use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Longest head of an answer, and longest body, that is read.
const MAX_HEAD: u64 = 64 << 10;
const MAX_BODY: u64 = 256 << 20;

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    host: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body of a success as text.
    ///
    /// # Errors
    /// Any other status, with what the server said.
    pub fn text(self) -> Result<String> {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        ensure!(self.status == 200, "the server answered {}: {text}", self.status);
        Ok(text)
    }
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream), host: address.to_string() })
    }

    /// Asks for a path with its query, already percent-encoded.
    ///
    /// # Errors
    /// A connection that broke, or an answer that is not HTTP.
    pub fn get(&mut self, path: &str) -> Result<Answer> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host).as_bytes(), &[])
    }

    /// Sends a body.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post(&mut self, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        self.send(head.as_bytes(), body)
    }

    fn send(&mut self, head: &[u8], body: &[u8]) -> Result<Answer> {
        let stream = self.stream.get_mut();
        stream.write_all(head)?;
        stream.write_all(body)?;
        self.read().context("read the answer")
    }

    fn read(&mut self) -> Result<Answer> {
        let mut line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status line")?;
        let (mut length, mut chunked) = (0, false);
        loop {
            line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().context("content-length")?,
                "transfer-encoding" => chunked = value.trim() == "chunked",
                _ => {}
            }
        }
        let mut body = Vec::new();
        while chunked {
            length = u64::from_str_radix(self.line()?.trim(), 16).context("a chunk's length")?;
            self.take(length, &mut body)?;
            self.line()?;
            chunked = length > 0;
        }
        self.take(length, &mut body)?;
        Ok(Answer { status, body })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        (&mut self.stream).take(MAX_HEAD).read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => bail!("the answer was cut off after {line:?}"),
        }
    }

    fn take(&mut self, length: u64, body: &mut Vec<u8>) -> Result<()> {
        ensure!(length <= MAX_BODY, "an answer of {length} bytes");
        let read = (&mut self.stream).take(length).read_to_end(body)?;
        ensure!(read as u64 == length, "the answer was cut off: {read} of {length} bytes");
        Ok(())
    }
}

/// Percent-encodes a value of a query string.
#[must_use]
pub fn encoded(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn answer_of(wire: &'static str) -> Result<Answer> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(wire.as_bytes()).unwrap());
        let answer = Client::connect(address)?.get("/");
        server.join().unwrap();
        answer
    }

    #[test]
    fn bodies_with_a_length_and_in_chunks_are_read() {
        let with_length = answer_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
        assert_eq!((with_length.status, &*with_length.body), (200, &b"hello"[..]));
        let chunks = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
        let chunked = answer_of(chunks).unwrap();
        assert_eq!((chunked.status, &*chunked.body), (201, &b"hello"[..]));
    }

    #[test]
    fn an_answer_that_is_cut_off_is_an_error() {
        assert!(answer_of("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello").is_err());
        assert!(answer_of("").is_err());
    }

    #[test]
    fn query_values_are_percent_encoded() {
        assert_eq!(encoded("a b:\"ü\""), "a%20b%3A%22%C3%BC%22");
    }
}
