//! A client that sends exactly the bytes it is told to.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::server::{PATIENCE, Server};

/// A connection to a server.
pub struct Client {
    reader: BufReader<TcpStream>,
}

/// One answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Client {
    pub fn connect(server: &Server) -> Self {
        Self::to(server.address)
    }

    pub fn to(address: SocketAddr) -> Self {
        Self::try_to(address).unwrap()
    }

    /// A connection, if anybody listens.
    pub fn try_to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { reader: BufReader::new(stream) })
    }

    pub fn stream(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.reader.get_mut().write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Sends as much as the server takes: it may close early.
    pub fn push(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.reader.get_mut().write_all(bytes.as_ref());
        self
    }

    pub fn half_close(&mut self) -> &mut Self {
        self.stream().shutdown(Shutdown::Write).unwrap();
        self
    }

    /// Hangs up with a reset, as a killed client does.
    pub fn reset(self) {
        socket2::SockRef::from(self.stream()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Sends one request, of any method, and returns the answer.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.try_ask(request).unwrap()
    }

    /// As [`Client::ask`]; an error if the connection ends before the answer does.
    pub fn try_ask(&mut self, request: impl AsRef<[u8]>) -> io::Result<Reply> {
        let request = request.as_ref();
        self.reader.get_mut().write_all(request)?;
        if request.starts_with(b"HEAD ") { self.try_head() } else { self.try_reply() }
    }

    /// The next line, without its end; empty at the end of the connection.
    pub fn line(&mut self) -> String {
        self.try_line().unwrap()
    }

    fn try_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// The answer to a request with any method but `HEAD`.
    pub fn reply(&mut self) -> Reply {
        self.try_reply().unwrap()
    }

    fn try_reply(&mut self) -> io::Result<Reply> {
        let mut reply = self.try_head()?;
        let length = reply.header("content-length").unwrap().parse().unwrap();
        reply.body.resize(length, 0);
        self.reader.read_exact(&mut reply.body)?;
        Ok(reply)
    }

    /// Status and headers of an answer.
    pub fn head(&mut self) -> Reply {
        self.try_head().unwrap()
    }

    fn try_head(&mut self) -> io::Result<Reply> {
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let line = self.try_line()?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(cut)?;
        let mut reply = Reply { status, headers: Vec::new(), body: Vec::new() };
        loop {
            let line = self.try_line()?;
            if line.is_empty() && reply.header("content-length").is_none() {
                return Err(cut());
            }
            let Some((name, value)) = line.split_once(": ") else { return Ok(reply) };
            reply.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// How many bytes come before the connection ends.
    pub fn rest(&mut self) -> usize {
        let mut bytes = Vec::new();
        let _ = self.reader.read_to_end(&mut bytes);
        bytes.len()
    }

    /// Whether the server ends the connection without another byte.
    pub fn is_closed(&mut self) -> bool {
        match self.reader.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// Sends one request on a connection of its own and returns the answer.
pub fn ask(server: &Server, request: impl AsRef<[u8]>) -> Reply {
    Client::connect(server).send(request).reply()
}

/// A request with a body and further header lines.
pub fn post(path: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    request("POST", path, lines, body)
}

/// A request with any method, further header lines and a body.
pub fn request(method: &str, path: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\ncontent-length: {}\r\n{lines}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A request without a body.
pub fn bare(method: &str, path: &str) -> Vec<u8> {
    request(method, path, "", b"")
}

/// A request with a body of JSON.
pub fn json(method: &str, path: &str, body: &Value) -> Vec<u8> {
    request(method, path, JSON, body.to_string().as_bytes())
}

/// A bulk request.
pub fn bulk(path: &str, lines: &str) -> Vec<u8> {
    request("POST", path, "Content-Type: application/x-ndjson\r\n", lines.as_bytes())
}

/// The header line of a body of JSON.
pub const JSON: &str = "Content-Type: application/json\r\n";
