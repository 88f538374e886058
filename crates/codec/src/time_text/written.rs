//! Dates with the name of the month, as loggers and servers write them: RFC 2822 and HTTP (`Sun, 30 Nov 2025 12:34:56 GMT`),
//! the Common Log Format (`30/Nov/2025:12:34:56 +0000`), C's `ctime` (`Sun Nov 30 12:34:56 2025`), JavaScript's
//! `Date.toString`, java.util.logging (`Nov 30, 2025 12:34:56 PM`), PHP (`30-Nov-2025 12:34:56 UTC`).

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Longest text that is looked at.
const MAX_BYTES: usize = 80;

/// The parts of a date that were found so far.
#[derive(Default)]
struct Parts<'t> {
    year: Option<&'t str>,
    month: Option<usize>,
    day: Option<&'t str>,
    time: Option<&'t str>,
    is_afternoon: Option<bool>,
    zone: Option<&'t str>,
}

/// The same time as RFC 3339 or one of its relatives without a zone; `None` where the text is nothing of the kind, or has
/// no year.
pub(super) fn as_numbers(text: &str) -> Option<String> {
    let text = text.trim();
    // All of them have the name of a month.
    if text.len() > MAX_BYTES || !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let mut parts = Parts::default();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        // The zone's name behind its offset.
        if word.starts_with('(') {
            break;
        }
        parts.take(word)?;
    }
    parts.written()
}

impl<'t> Parts<'t> {
    fn take(&mut self, word: &'t str) -> Option<()> {
        let is_digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(month) = place_in(&MONTHS, word)
            && self.month.is_none()
        {
            self.month = Some(month);
        } else if self.is_fresh() && place_in(&WEEKDAYS, word).is_some() {
            // It says what the date says.
        } else if self.month.is_none() && word.contains(['/', '-']) {
            self.joined(word)?;
        } else if is_digits(word) && word.len() == 4 && self.year.is_none() {
            self.year = Some(word);
        } else if is_digits(word) && word.len() <= 2 && self.day.is_none() {
            self.day = Some(word);
        } else if word.contains(':') && self.time.is_none() {
            self.time = Some(word);
        } else if word.eq_ignore_ascii_case("am") || word.eq_ignore_ascii_case("pm") {
            self.is_afternoon = Some(word.eq_ignore_ascii_case("pm"));
        } else if self.time.is_some() && self.zone.is_none() {
            // `GMT+0100` is an offset with a name before it.
            let offset = word.find(['+', '-']).and_then(|at| word.get(at..));
            self.zone = Some(offset.unwrap_or(word));
        } else {
            return None;
        }
        Some(())
    }

    fn is_fresh(&self) -> bool {
        self.year.is_none() && self.month.is_none() && self.day.is_none() && self.time.is_none()
    }

    /// `30/Nov/2025:12:34:56`, `30-Nov-2025`.
    fn joined(&mut self, word: &'t str) -> Option<()> {
        let mut pieces = word.splitn(3, ['/', '-']);
        self.day = pieces.next();
        self.month = Some(place_in(&MONTHS, pieces.next()?)?);
        let rest = pieces.next()?;
        let (year, time) = rest.split_once(':').map_or((rest, None), |(year, time)| (year, Some(time)));
        self.year = Some(year);
        self.time = time;
        Some(())
    }

    fn written(&self) -> Option<String> {
        let (year, month, day, time) = (self.year?, self.month?, self.day?, self.time?);
        if year.len() != 4 {
            return None;
        }
        let (hour, rest) = time.split_once(':')?;
        let hour: u8 = hour.parse().ok()?;
        let hour = match self.is_afternoon {
            None => hour,
            Some(_) if !(1..=12).contains(&hour) => return None,
            Some(is_afternoon) => hour % 12 + if is_afternoon { 12 } else { 0 },
        };
        let zone = self.zone.unwrap_or_default();
        Some(format!("{year}-{:02}-{day:0>2}T{hour:02}:{rest} {zone}", month + 1))
    }
}

/// The place of the name, written out or with its first three letters.
fn place_in(names: &[&str], word: &str) -> Option<usize> {
    let is_name = word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let short = word.get(..3).filter(|_| is_name)?;
    names.iter().position(|name| name.eq_ignore_ascii_case(short))
}
