//! The access log's line: a format compiled once from the configuration, and the verb that writes a record in
//! it. Three forms: `json`, `combined`, and a pattern such as `%{client_ip} "%{method} %{path}" %{status}`.
//! Called by [`record`](super::record()) for each exchange. One record is one line: whatever bytes a client
//! sends, none of them ends a line or a quoted value. A value longer than [`VALUE_BYTES_MAX`] is cut, and of a query the
//! values by which somebody signs in are not shown ([`Hidden`]).

mod escape;
mod hidden;
mod json;
mod pattern;
mod stamp;
mod value;

use super::Record;

pub use escape::put_json;
pub use hidden::Hidden;
pub use stamp::LineState;

/// Bytes of one value that a line shows; what is cut is replaced by `...`.
pub const VALUE_BYTES_MAX: usize = 4096;

/// The form that nginx and Apache call `combined`. There is no user name, and times are in UTC.
const COMBINED: &str =
    r#"%{client_ip} - - [%{time_local}] "%{request}" %{status} %{bytes_out} "%{referer}" "%{user_agent}""#;

/// A compiled line format.
#[derive(Debug, Clone)]
pub struct Format {
    form: Form,
    hidden: Hidden,
}

#[derive(Debug, Clone)]
enum Form {
    Json,
    Pattern(pattern::Pattern),
}

impl Format {
    /// Compiles `json`, `combined` or a pattern, in which `%{name}` stands for a value and `%%` for a percent
    /// sign. *Errors*: the offset in `text` of what is wrong, in bytes, and what would be right.
    pub fn compile(text: &str) -> Result<Format, (usize, String)> {
        let form = match text {
            "json" => Form::Json,
            "combined" => Form::Pattern(pattern::compile(COMBINED)?),
            _ => Form::Pattern(pattern::compile(text)?),
        };
        Ok(Format { form, hidden: Hidden::default() })
    }

    /// From now on values of these parameters are not shown.
    pub fn hide(&mut self, hidden: Hidden) {
        self.hidden = hidden;
    }

    /// Appends the line of `record`, line feed included. `state` is the shard's own, whatever the format.
    /// *Cost*: no allocation but for the growth of `out`; 125 to 135 ns for json (bench `observe/line`).
    pub fn write(&self, record: &Record<'_>, state: &mut LineState, out: &mut Vec<u8>) {
        if self.hidden.is_empty() {
            self.put(record, state, out);
        } else {
            let [mut path, mut referer] = state.take_rooms();
            let masked = Record {
                path: self.hidden.mask(record.path, &mut path),
                referer: self.hidden.mask(record.referer, &mut referer),
                ..*record
            };
            self.put(&masked, state, out);
            state.keep_rooms([path, referer]);
        }
        out.push(b'\n');
    }

    fn put(&self, record: &Record<'_>, state: &mut LineState, out: &mut Vec<u8>) {
        match &self.form {
            Form::Json => json::write(record, state, out),
            Form::Pattern(pattern) => pattern.write(record, state, out),
        }
    }
}

#[cfg(test)]
mod tests;
