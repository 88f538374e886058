//! The parts of a pasted link that may be IDs.

/// A segment of the path or a value of the query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// What the value is called: the segment before it that says what follows, or the parameter.
    pub name: Option<String>,
    /// Decoded.
    pub value: String,
    /// Whether it stands in the path behind a segment that announces an ID.
    pub is_path: bool,
}

/// Segments after which links of Clew, Jaeger, Zipkin, Grafana and others have an ID.
const ANNOUNCING: [&str; 8] = ["id", "traces", "trace", "correlate", "spans", "span", "services", "requests"];

/// The parts of a link, `scheme://…` or an absolute path; nothing for other words.
pub(super) fn parts(word: &str) -> Vec<Part> {
    let Some(at) = word.find("://").map(|at| at + 3).or_else(|| word.starts_with('/').then_some(0)) else {
        return Vec::new();
    };
    let rest = word.get(at..).unwrap_or_default();
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // The first segment is the host; in an absolute path it is empty.
    let segments: Vec<String> = path.split('/').skip(1).filter(|part| !part.is_empty()).map(decoded).collect();
    let mut parts = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| segments.get(before));
        let is_path = before.is_some_and(|before| ANNOUNCING.contains(&before.to_ascii_lowercase().as_str()));
        parts.push(Part { name: before.cloned(), value: segment.clone(), is_path });
    }
    for pair in query.split('&').chain(fragment.split('&')) {
        if let Some((name, value)) = pair.split_once('=') {
            parts.push(Part { name: Some(decoded(name)), value: decoded(value), is_path: false });
        }
    }
    parts
}

/// Percent-decoded (RFC 3986, 2.1); what is no escape or no UTF-8 stays as it is.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let escape = (byte == b'%').then(|| Some((hex(ahead.next()?)? << 4) | hex(ahead.next()?)?)).flatten();
        match escape {
            Some(decoded) => {
                out.push(decoded);
                bytes = ahead;
            }
            None => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_come_apart_into_decoded_segments_and_parameters() {
        let all = |text: &str| parts(text).into_iter().map(|part| part.value).collect::<Vec<_>>();
        assert_eq!(all("http://h:1/id/task%3A001?q=a%20b&x=1#s=2"), ["id", "task:001", "a b", "1", "2"]);
        assert_eq!(all("/services/shop"), ["services", "shop"]);
        assert_eq!(all("https://h"), Vec::<String>::new());
        assert_eq!(all("a/b"), Vec::<String>::new());
        assert_eq!(all("http://h/%zz/%e2%82%ac/%ff"), ["%zz", "€", "%ff"]);
    }
}
