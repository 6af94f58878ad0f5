//! The lines that the service writes with `logging.json`, read so strictly that half of one is none.

/// One whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A worker's record of a request.
    Request {
        /// The process that logged it.
        process: u32,
        /// The id that the request had.
        id: u64,
    },
    /// The listener says that it listens.
    ListenerStart {
        /// The listener.
        process: u32,
    },
}

impl Line {
    /// Reads a line without its line feed. `None` for everything that the service does not write.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let mut rest = Rest(std::str::from_utf8(line).ok()?);
        rest.time()?;
        rest.text(" -process[")?;
        let process = rest.number()?.try_into().ok()?;
        rest.text("] -thread[")?;
        rest.number()?;
        rest.text("] -")?;
        let is_request = rest.text("my_logger").is_some();
        if !is_request {
            rest.text("que_listen_logger")?;
        }
        rest.text(" - [INFO]-[")?;
        rest.number()?;
        rest.text("] - ")?;
        if is_request { rest.request(process) } else { rest.listener_start(process) }
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn text(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// A number as it is printed: without sign and leading zeros.
    fn number(&mut self) -> Option<u64> {
        let end = self.0.find(|character: char| !character.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        if digits.len() > 1 && digits.starts_with('0') { None } else { digits.parse().ok() }
    }

    /// `%(asctime)s`, by its form: `2026-11-22 15:44:04,123`.
    fn time(&mut self) -> Option<()> {
        const FORM: &[u8] = b"0000-00-00 00:00:00,000";
        let (time, rest) = self.0.split_at_checked(FORM.len())?;
        let fits = |(found, form): (u8, &u8)| if *form == b'0' { found.is_ascii_digit() } else { found == *form };
        self.0 = rest;
        time.bytes().zip(FORM).all(fits).then_some(())
    }

    fn request(&mut self, process: u32) -> Option<Line> {
        self.text("process:[")?;
        let same = self.number()? == u64::from(process);
        self.text("] API가 요청되었습니다 id=")?;
        let id = self.number()?;
        (same && self.0.is_empty()).then_some(Line::Request { process, id })
    }

    fn listener_start(&mut self, process: u32) -> Option<Line> {
        self.text("[")?;
        let same = self.number()? == u64::from(process);
        self.text("]: listener 프로세스가 켜졌습니다")?;
        (same && self.0.is_empty()).then_some(Line::ListenerStart { process })
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    // What CPython 3.13 makes of the format of logging.json.
    const REQUEST: &str = "2025-11-22 16:02:11,218 -process[4242] -thread[140245203183424] -my_logger - [INFO]-[88] - \
                           process:[4242] API가 요청되었습니다 id=17";
    const START: &str = "2025-11-22 16:02:11,218 -process[4250] -thread[4250] -que_listen_logger - [INFO]-[9] - \
                         [4250]: listener 프로세스가 켜졌습니다";

    #[test]
    fn whole_lines_are_read() {
        assert_eq!(Line::parse(REQUEST.as_bytes()), Some(Line::Request { process: 4242, id: 17 }));
        assert_eq!(Line::parse(START.as_bytes()), Some(Line::ListenerStart { process: 4250 }));
    }

    #[test]
    fn no_beginning_and_no_end_of_a_line_is_one() {
        let bytes = REQUEST.as_bytes();
        // One digit of the id less is another id, which the verdict misses and finds in excess.
        assert_eq!(Line::parse(&bytes[..bytes.len() - 1]), Some(Line::Request { process: 4242, id: 1 }));
        for end in 0..bytes.len() - 1 {
            assert_eq!(Line::parse(&bytes[..end]), None, "the first {end} bytes");
        }
        for start in 1..bytes.len() {
            assert_eq!(Line::parse(&bytes[start..]), None, "from byte {start} on");
        }
    }

    #[test]
    fn lines_that_ran_into_each_other_are_none() {
        for cut in 0..REQUEST.len() {
            let mut torn = REQUEST.as_bytes()[..cut].to_vec();
            torn.extend_from_slice(START.as_bytes());
            assert!(cut == 0 || Line::parse(&torn).is_none(), "a line cut at {cut}");
        }
    }

    #[test]
    fn what_the_service_does_not_say_is_no_line() {
        for (from, to) in [
            ("INFO", "WARNING"),
            ("my_logger", "root"),
            ("process:[4242]", "process:[4243]"),
            ("id=17", "id=017"),
            ("id=17", "id="),
            ("id=17", "id=17 "),
            ("id=17", "id=+17"),
            (",218", ".218"),
            ("[88]", "[]"),
        ] {
            assert_eq!(Line::parse(REQUEST.replace(from, to).as_bytes()), None, "{from} as {to}");
        }
        assert_eq!(Line::parse(&[0xff; 80]), None);
    }
}
