//! Documents whose brackets and quotes go on at an indent that YAML 1.2 refuses and go-yaml (YAML 1.1) takes.
//!
//! The parser is one of YAML 1.2. What it refuses is given to it once more with the lines that go on inside brackets or
//! quotes indented further, with tabs between tokens as blanks, and with a blank between a quote and a comment. None of
//! that changes what such a document says.

/// A text to try instead.
pub(super) struct Relaxed {
    /// The text, with as many lines.
    pub(super) text: String,
    /// Blanks that were put before each line.
    pub(super) added: Vec<u32>,
}

/// The text with its brackets and quotes indented further.
pub(super) fn relax(text: &str) -> Relaxed {
    let mut scan = Scan { out: String::with_capacity(text.len() + 256), added: Vec::new(), inside: Inside::default() };
    let mut block: Option<BlockText> = None;
    for line in text.split_inclusive('\n') {
        if block.as_mut().is_some_and(|own| own.holds(line)) {
            scan.out.push_str(line);
            scan.added.push(0);
        } else {
            block = scan.line(line).then(|| BlockText { above: indent(line), own: None });
        }
    }
    Relaxed { text: scan.out, added: scan.added }
}

/// A literal or folded text, whose lines are left as they are.
struct BlockText {
    /// The indent of the line that begins it.
    above: usize,
    /// The indent of its first line that is not blank.
    own: Option<usize>,
}

impl BlockText {
    fn holds(&mut self, line: &str) -> bool {
        if line.trim().is_empty() {
            return true;
        }
        let least = *self.own.get_or_insert_with(|| indent(line).max(self.above + 1));
        indent(line) >= least
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// What a line begins inside of.
#[derive(Default)]
struct Inside {
    /// Brackets that are open.
    brackets: usize,
    /// The quote that is open.
    quote: Option<char>,
    /// The column of the outermost of them.
    column: usize,
}

struct Scan {
    out: String,
    added: Vec<u32>,
    inside: Inside,
}

impl Scan {
    /// Takes a line that is no part of a literal or folded text; whether one begins with it.
    fn line(&mut self, line: &str) -> bool {
        let goes_on = self.inside.brackets > 0 || self.inside.quote.is_some();
        let short = self.inside.column.saturating_sub(indent(line));
        let added = if goes_on && !line.trim().is_empty() { short } else { 0 };
        self.added.push(u32::try_from(added).unwrap_or(u32::MAX));
        self.out.extend(std::iter::repeat_n(' ', added));
        let mut rest = line.chars().peekable();
        let mut column = added;
        // Whether a token may begin here, and whether one did on this line or goes on in it.
        let (mut fresh, mut begun) = (true, goes_on);
        while let Some(c) = rest.next() {
            let next = rest.peek().copied().unwrap_or('\n');
            column += 1;
            begun |= !c.is_whitespace();
            if let Some(quote) = self.inside.quote {
                self.out.push(c);
                let pair = (c == '\\' && quote == '"') || (c == '\'' && quote == '\'' && next == '\'');
                if pair && next != '\n' {
                    self.out.extend(rest.next());
                    column += 1;
                } else if c == quote {
                    self.inside.quote = None;
                    fresh = false;
                    // A comment needs no blank before it here.
                    self.out.extend((next == '#').then_some(' '));
                }
                continue;
            }
            // A tab between tokens is as good as a blank; as the indent of a line it is none.
            self.out.push(if c == '\t' && begun && (fresh || next == '#') { ' ' } else { c });
            match c {
                ' ' | '\t' if next == '#' => {
                    self.out.extend(rest.by_ref());
                    return false;
                }
                '"' | '\'' if fresh => self.open(column, Some(c)),
                '[' | '{' if fresh => self.open(column, None),
                ']' | '}' if self.inside.brackets > 0 => {
                    self.inside.brackets -= 1;
                    fresh = false;
                }
                ',' if self.inside.brackets > 0 => fresh = true,
                '|' | '>' if fresh && self.inside.brackets == 0 => {
                    self.out.extend(rest.by_ref());
                    return true;
                }
                '!' | '&' if fresh => {
                    while let Some(name) = rest.next_if(|c| !c.is_whitespace()) {
                        self.out.push(name);
                        column += 1;
                    }
                }
                ':' => fresh = next.is_whitespace() || (self.inside.brackets > 0 && !fresh),
                '-' | '?' if fresh && next.is_whitespace() => {}
                ' ' | '\t' | '\r' | '\n' => {}
                _ => fresh = false,
            }
        }
        false
    }

    fn open(&mut self, column: usize, quote: Option<char>) {
        if self.inside.brackets == 0 {
            self.inside.column = column;
        }
        match quote {
            Some(_) => self.inside.quote = quote,
            None => self.inside.brackets += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_inside_brackets_and_quotes_are_moved() {
        let text = "a: [\n1, '2\n]', {b: \"x\n\\\"\",\nc: d}\n]\ne: |\n  [\n  '\nf: it's [\ng:\t>-\n '\n\n '\nh: 1\n";
        let relaxed = relax(text);
        let moved = "a: [\n    1, '2\n    ]', {b: \"x\n    \\\"\",\n    c: d}\n    ]\ne: |\n  [\n  '\nf: it's [\ng: >-\n '\n\n '\nh: 1\n";
        assert_eq!(relaxed.text, moved);
        assert_eq!(relaxed.added, [0, 4, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}
