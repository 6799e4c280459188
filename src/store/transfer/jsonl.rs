//! One JSON object a line: the record of the lookup contract, with what else the store knows.

use super::{Line, RawAccount, Refusal};
use std::io::{self, BufRead, Write};

/// Longer than any account that is written here; a file without line ends is not read whole.
const LINE_MAX: u64 = 1024 * 1024;

pub struct JsonlReader<R> {
    input: R,
    line: u64,
}

pub struct JsonlWriter<W>(W);

impl<R: BufRead> JsonlReader<R> {
    pub fn new(input: R) -> Self {
        Self { input, line: 0 }
    }
}

impl<R: BufRead> Iterator for JsonlReader<R> {
    type Item = Result<Line<RawAccount>, Line<Refusal>>;

    /// The next account. Empty lines are passed over.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line += 1;
            let number = self.line;
            let refuse = |value| Some(Err(Line { number, value }));
            let mut text = Vec::new();
            // One more than may be, so that a line which is too long does not end in an error about its JSON.
            let read = io::Read::take(&mut self.input, LINE_MAX + 1).read_until(b'\n', &mut text);
            match read {
                Ok(0) => return None,
                Ok(length) if length as u64 > LINE_MAX => {
                    let error =
                        io::Error::new(io::ErrorKind::InvalidData, "the line is longer than 1 MiB");
                    return refuse(error.into());
                }
                Ok(_) if unmarked(&text, number).is_empty() => {}
                Ok(_) => {
                    return match serde_json::from_slice(unmarked(&text, number)) {
                        Ok(value) => Some(Ok(Line { number, value })),
                        Err(error) => refuse(error.into()),
                    };
                }
                Err(error) => return refuse(error.into()),
            }
        }
    }
}

/// Without the line's end, and without the mark that some programs begin a UTF-8 file with.
fn unmarked(text: &[u8], line: u64) -> &[u8] {
    let text = text.trim_ascii_end();
    match text.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) if line == 1 => rest,
        _ => text,
    }
}

impl<W: Write> JsonlWriter<W> {
    pub fn new(output: W) -> Self {
        Self(output)
    }

    pub fn write(&mut self, account: &RawAccount) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, account)?;
        self.0.write_all(b"\n")
    }

    pub fn end(mut self) -> io::Result<W> {
        self.0.flush()?;
        Ok(self.0)
    }
}
