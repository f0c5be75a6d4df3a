//! Forwarding headers of trusted proxies: `X-Forwarded-For`, `-Proto` and `-Host`, and `Forwarded` (RFC
//! 7239).
//!
//! Each proxy appends what it saw, so the lists are read from the right, and only as far as the hops are
//! trusted: the rest was written by a client. Several lines of a header are one list. A header that cannot be
//! read makes the whole request unreadable: whom it comes from would be a guess.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName};

use crate::types::HostPort;

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const FORWARDED: &str = "forwarded";

/// The browser's side of a request, as far as trusted proxies describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BrowserSide {
    /// The client's address.
    pub(crate) addr: Option<IpAddr>,
    /// True for HTTPS.
    pub(crate) secure: Option<bool>,
    /// Host and port that the browser asked for.
    pub(crate) authority: Option<HostPort>,
}

/// The name of a header that cannot be read, or that contradicts another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadForwarded(pub(crate) &'static str);

type Result<T> = std::result::Result<T, BadForwarded>;

/// Reads the forwarding headers that the trusted proxy `peer` sent.
///
/// # Errors
/// A header cannot be read, or `Forwarded` says something else than the `X-Forwarded` headers. Most proxies
/// write one kind and pass the other on as the client sent it, so neither may win.
pub(crate) fn read(
    peer: IpAddr,
    headers: &HeaderMap,
    trusts: impl Fn(IpAddr) -> bool,
) -> Result<BrowserSide> {
    let one = x_forwarded(peer, headers, &trusts)?;
    let other = forwarded(peer, headers, &trusts)?;
    Ok(BrowserSide {
        addr: agreed(one.addr, other.addr)?,
        secure: agreed(one.secure, other.secure)?,
        authority: agreed(one.authority, other.authority)?,
    })
}

fn agreed<T: PartialEq>(one: Option<T>, other: Option<T>) -> Result<Option<T>> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(BadForwarded("Forwarded")),
        (one, other) => Ok(one.or(other)),
    }
}

fn x_forwarded(peer: IpAddr, headers: &HeaderMap, trusts: &impl Fn(IpAddr) -> bool) -> Result<BrowserSide> {
    let nodes = list(headers, FOR, "X-Forwarded-For", node)?;
    let client = walk(peer, &nodes, trusts);
    // A proxy that sets the header anew instead of appending leaves fewer entries than hops.
    let secure = list(headers, PROTO, "X-Forwarded-Proto", scheme)?;
    let authority = list(headers, HOST, "X-Forwarded-Host", host)?;
    Ok(BrowserSide {
        addr: (!nodes.is_empty()).then_some(client.addr),
        secure: secure.get(client.index).or(secure.last()).copied(),
        authority: authority.get(client.index).or(authority.last()).cloned(),
    })
}

fn forwarded(peer: IpAddr, headers: &HeaderMap, trusts: &impl Fn(IpAddr) -> bool) -> Result<BrowserSide> {
    let mut elements = Vec::new();
    for line in headers.get_all(HeaderName::from_static(FORWARDED)) {
        elements.extend(parse_forwarded(line.as_bytes()).ok_or(BadForwarded("Forwarded"))?);
    }
    elements.reverse();
    let nodes: Vec<_> = elements.iter().map(|element| element.node.unwrap_or(Node::Unknown)).collect();
    let client = walk(peer, &nodes, trusts);
    let Some(element) = elements.get(client.index) else { return Ok(BrowserSide::default()) };
    Ok(BrowserSide {
        addr: elements.iter().any(|element| element.node.is_some()).then_some(client.addr),
        secure: element.secure,
        authority: element.authority.clone(),
    })
}

/// A hop by its address, or one that does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Known(IpAddr),
    Unknown,
}

/// The client, as the hops tell.
struct ClientHop {
    addr: IpAddr,
    /// Index of the entry about the client's request.
    index: usize,
}

/// Walks from the peer over trusted hops, `nodes` being the last appended first. Behind a hop that does not
/// say its address everything is that hop's proxy.
fn walk(peer: IpAddr, nodes: &[Node], trusts: &impl Fn(IpAddr) -> bool) -> ClientHop {
    let mut client = ClientHop { addr: peer.to_canonical(), index: 0 };
    for (index, node) in nodes.iter().enumerate() {
        client.index = index;
        let Node::Known(addr) = *node else { break };
        client.addr = addr;
        if !trusts(addr) {
            break;
        }
    }
    client
}

/// The entries of a list header, the last first. Empty entries count for nothing (RFC 9110 section 5.6.1.2).
fn list<T>(
    headers: &HeaderMap,
    name: &'static str,
    shown: &'static str,
    entry: fn(&str) -> Option<T>,
) -> Result<Vec<T>> {
    let lines = headers.get_all(HeaderName::from_static(name)).iter();
    let entries = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let read =
        entries.filter(|bytes| !bytes.is_empty()).map(|bytes| str::from_utf8(bytes).ok().and_then(entry));
    let mut all = read.collect::<Option<Vec<_>>>().ok_or(BadForwarded(shown))?;
    all.reverse();
    Ok(all)
}

/// One element of `Forwarded`; parameters that are not read here may say anything.
#[derive(Debug, Default, PartialEq, Eq)]
struct Element {
    node: Option<Node>,
    secure: Option<bool>,
    authority: Option<HostPort>,
}

/// Reads a line of `Forwarded` (RFC 7239 section 4). Unquoted values may hold what should be quoted, such as
/// `for=10.0.0.1:80`.
fn parse_forwarded(line: &[u8]) -> Option<Vec<Element>> {
    let mut elements = Vec::new();
    let (mut element, mut said) = (Element::default(), Vec::new());
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b';' | b',')).unwrap_or(rest.len());
        if rest.get(end) == Some(&b'=') {
            let name = str::from_utf8(&rest[..end]).ok().filter(|name| is_token(name))?.to_ascii_lowercase();
            let (value, behind) = value(&rest[end + 1..])?;
            element.take(&name, &value)?;
            // Section 4: each parameter at most once in an element.
            if said.contains(&name) {
                return None;
            }
            said.push(name);
            rest = behind;
        } else if rest[..end].trim_ascii().is_empty() {
            rest = &rest[end..];
        } else {
            return None;
        }
        match rest.split_first() {
            Some((b';', behind)) => rest = behind,
            Some((b',', behind)) => {
                rest = behind;
                if !said.is_empty() {
                    elements.push(std::mem::take(&mut element));
                    said.clear();
                }
            }
            Some(_) => return None,
            None => break,
        }
    }
    if !said.is_empty() {
        elements.push(element);
    }
    Some(elements)
}

impl Element {
    fn take(&mut self, name: &str, value: &[u8]) -> Option<()> {
        let text = || str::from_utf8(value).ok();
        match name {
            "for" => self.node = Some(node(text()?)?),
            "proto" => self.secure = Some(scheme(text()?)?),
            "host" => self.authority = Some(host(text()?)?),
            _ => {}
        }
        Some(())
    }
}

/// A value and what stands behind it; a quoted one without its quotes and escapes.
fn value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| matches!(byte, b';' | b',')).unwrap_or(text.len());
        let value = text[..end].trim_ascii();
        let bare = !value.is_empty()
            && !value.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\\' | b'='));
        return bare.then(|| (value.to_vec(), &text[end..]));
    };
    let (mut value, mut rest) = (Vec::new(), quoted);
    loop {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        match byte {
            b'"' => return Some((value, rest.trim_ascii_start())),
            b'\\' => {
                let (escaped, behind) = rest.split_first()?;
                value.push(*escaped);
                rest = behind;
            }
            byte => value.push(*byte),
        }
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// A hop: an address with or without brackets, port and zone, `unknown`, or a name of the proxy's own (RFC
/// 7239 section 6).
fn node(text: &str) -> Option<Node> {
    if let Ok(addr) = text.parse::<IpAddr>() {
        return Some(Node::Known(addr.to_canonical()));
    }
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (addr, port) = rest.split_once(']')?;
            (addr, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        // An address of many colons has no port outside brackets.
        None if text.matches(':').count() > 1 => (text, None),
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    if !port.is_none_or(is_port) {
        return None;
    }
    if text.starts_with('[') || name.contains(':') {
        let addr = name.split_once('%').map_or(name, |(addr, _zone)| addr);
        return Some(Node::Known(IpAddr::V6(addr.parse::<Ipv6Addr>().ok()?).to_canonical()));
    }
    if name.eq_ignore_ascii_case("unknown") || name.strip_prefix('_').is_some_and(is_obfuscated) {
        return Some(Node::Unknown);
    }
    name.parse::<Ipv4Addr>().ok().map(|addr| Node::Known(addr.into()))
}

fn is_port(text: &str) -> bool {
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits || text.strip_prefix('_').is_some_and(is_obfuscated)
}

fn is_obfuscated(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Returns true for HTTPS. Some proxies name the scheme of a WebSocket.
fn scheme(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("https") || is("wss") { Some(true) } else { (is("http") || is("ws")).then_some(false) }
}

fn host(text: &str) -> Option<HostPort> {
    HostPort::parse(text).filter(|at| !at.host.is_empty())
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;
