//! Metrics as text: Prometheus 0.0.4 and OpenMetrics 1.0. Written by hand, since what is counted lies in dense arrays that
//! are merged while they are written, and since the client library writes OpenMetrics alone and an allocation a label.
//! Families are data, so that the operator's page can be held to them.

use super::histogram::{COARSE, Coarse, FINE, Fine, Merged, Scale};

/// A form of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Prometheus 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Form {
    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Form::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Form::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The form that a reader who sent this Accept likes better (RFC 9110 §12.5.1); Prometheus where it says nothing.
    pub fn accepted(accept: &str) -> Form {
        let mut best = [0_u32; 2];
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let form = match kind {
                kind if kind.eq_ignore_ascii_case("application/openmetrics-text") => 0,
                kind if kind.eq_ignore_ascii_case("text/plain") => 1,
                _ => continue,
            };
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            best[form] = best[form].max(weight.map_or(1000, thousandths));
        }
        if best[0] > 0 && best[0] >= best[1] { Form::OpenMetrics } else { Form::Prometheus }
    }
}

/// A weight such as `0.5`, in thousandths; 0 where it is none.
fn thousandths(weight: &str) -> u32 {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let digit = |at: usize| part.as_bytes().get(at).map_or(Some(0), |byte| char::from(*byte).to_digit(10));
    match (whole, digit(0), digit(1), digit(2)) {
        ("1", Some(_), ..) => 1000,
        ("0", Some(a), Some(b), Some(c)) => a * 100 + b * 10 + c,
        _ => 0,
    }
}

/// What a family of series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Is so now.
    Gauge,
    /// Buckets, a sum and a count.
    Histogram,
}

/// A family of series.
#[derive(Debug)]
pub struct Family {
    /// Its name; a counter's without `_total`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The labels of its series, `le` apart.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

impl Family {
    /// The name of its series in a query.
    pub fn full_name(&self) -> String {
        match self.kind {
            Kind::Counter => format!("{}_total", self.name),
            Kind::Gauge | Kind::Histogram => self.name.to_owned(),
        }
    }
}

/// A page in the making.
#[derive(Debug)]
pub struct Text {
    out: Vec<u8>,
    form: Form,
    /// What ends the name of each bucket of the fine scale: `0.001"} `.
    fine: Vec<String>,
    coarse: Vec<String>,
    /// What the series written now begin with.
    front: Vec<u8>,
}

impl Text {
    /// An empty page, with room for `bytes`.
    pub fn new(form: Form, bytes: usize) -> Text {
        let (fine, coarse) = (bounds::<Fine>(), bounds::<Coarse>());
        Text { out: Vec::with_capacity(bytes), form, fine, coarse, front: Vec::new() }
    }

    /// Begins a family. Its series follow until another begins.
    pub fn family(&mut self, family: &Family) {
        let suffix = match (family.kind, self.form) {
            // The older form knows no other name of a counter than that of its series.
            (Kind::Counter, Form::Prometheus) => "_total",
            _ => "",
        };
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let Family { name, help, .. } = family;
        for part in ["# HELP ", name, suffix, " ", help, "\n# TYPE ", name, suffix, " ", kind, "\n"] {
            self.out.extend_from_slice(part.as_bytes());
        }
    }

    /// One series of a counter or a gauge. `values` are those of the family's labels.
    pub fn series(&mut self, family: &Family, values: &[&str], value: u64) {
        debug_assert_eq!(family.labels.len(), values.len(), "each label has its value");
        self.name(family, values);
        put_number(value, &mut self.out);
        self.out.push(b'\n');
    }

    /// One series whose value is in microseconds, shown in seconds.
    pub fn seconds(&mut self, family: &Family, values: &[&str], micros: u64) {
        self.name(family, values);
        put_seconds(micros, &mut self.out);
        self.out.push(b'\n');
    }

    /// Series of a counter or a gauge that differ in their last label only: its values, and each one's number.
    pub fn fan<'v>(&mut self, family: &Family, values: &[&str], last: impl Iterator<Item = (&'v str, u64)>) {
        let Text { out, front, .. } = self;
        front.clear();
        begin(family, values, front);
        front.push(if values.is_empty() { b'{' } else { b',' });
        front.extend_from_slice(family.labels[values.len()].as_bytes());
        front.extend_from_slice(b"=\"");
        for (value, number) in last {
            out.extend_from_slice(front);
            escaped(value, out);
            out.extend_from_slice(b"\"} ");
            put_number(number, out);
            out.push(b'\n');
        }
    }

    fn name(&mut self, family: &Family, values: &[&str]) {
        begin(family, values, &mut self.out);
        self.out.extend_from_slice(if values.is_empty() { b" " } else { b"} " });
    }

    /// One histogram of the fine scale.
    pub fn fine(&mut self, family: &Family, values: &[&str], merged: &Merged<FINE>) {
        let Text { out, fine, front, .. } = self;
        histogram(out, fine, (family, values, front), &merged.buckets, merged.sum_micros);
    }

    /// One histogram of the coarse scale.
    pub fn coarse(&mut self, family: &Family, values: &[&str], merged: &Merged<COARSE>) {
        let Text { out, coarse, front, .. } = self;
        histogram(out, coarse, (family, values, front), &merged.buckets, merged.sum_micros);
    }

    /// The whole page.
    pub fn end(mut self) -> Vec<u8> {
        if self.form == Form::OpenMetrics {
            self.out.extend_from_slice(b"# EOF\n");
        }
        self.out
    }
}

/// Lines of the same name are most of a large page: what they share is put together once.
fn histogram(
    out: &mut Vec<u8>,
    ends: &[String],
    (family, values, front): (&Family, &[&str], &mut Vec<u8>),
    buckets: &[u64],
    sum_micros: u64,
) {
    let name = family.name.as_bytes();
    front.clear();
    front.extend_from_slice(name);
    front.extend_from_slice(b"_bucket");
    labels(family.labels, values, front);
    front.extend_from_slice(if values.is_empty() { b"{le=\"" } else { b",le=\"" });
    let mut count = 0;
    for (end, bucket) in ends.iter().zip(buckets) {
        count += bucket;
        out.extend_from_slice(front);
        out.extend_from_slice(end.as_bytes());
        put_number(count, out);
        out.push(b'\n');
    }
    for suffix in ["_sum", "_count"] {
        out.extend_from_slice(name);
        out.extend_from_slice(suffix.as_bytes());
        labels(family.labels, values, out);
        out.extend_from_slice(if values.is_empty() { b" " } else { b"} " });
        match suffix {
            "_count" => put_number(count, out),
            _ => put_seconds(sum_micros, out),
        }
        out.push(b'\n');
    }
}

/// `name_total{a="b",c="d"`, without its end.
fn begin(family: &Family, values: &[&str], out: &mut Vec<u8>) {
    out.extend_from_slice(family.name.as_bytes());
    if family.kind == Kind::Counter {
        out.extend_from_slice(b"_total");
    }
    labels(family.labels, values, out);
}

/// `{a="b",c="d"`, without its end; nothing where there are none.
fn labels(names: &[&str], values: &[&str], out: &mut Vec<u8>) {
    for (at, (name, value)) in names.iter().zip(values).enumerate() {
        out.push(if at == 0 { b'{' } else { b',' });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        escaped(value, out);
        out.push(b'"');
    }
}

fn escaped(value: &str, out: &mut Vec<u8>) {
    if !value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return out.extend_from_slice(value.as_bytes());
    }
    for byte in value.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(byte),
        }
    }
}

fn put_number(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Microseconds as seconds, exactly.
fn put_seconds(micros: u64, out: &mut Vec<u8>) {
    put_number(micros / 1_000_000, out);
    let rest = micros % 1_000_000;
    if rest > 0 {
        let digits = [100_000, 10_000, 1000, 100, 10, 1].map(|unit| b'0' + (rest / unit % 10) as u8);
        out.push(b'.');
        let len = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
        out.extend_from_slice(&digits[..len]);
    }
}

/// The bounds of a scale, each as it ends the name of a bucket.
fn bounds<S: Scale>() -> Vec<String> {
    let bound = |bucket: usize| match S::bound(bucket) {
        None => "+Inf\"} ".to_owned(),
        Some(micros) => {
            let mut out = Vec::new();
            put_seconds(micros, &mut out);
            format!("{}\"}} ", String::from_utf8_lossy(&out))
        }
    };
    (0..S::BUCKETS).map(bound).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTER: Family = Family { name: "a_b", kind: Kind::Counter, labels: &["x"], help: "Counts." };
    const TIMES: Family = Family { name: "t_seconds", kind: Kind::Histogram, labels: &[], help: "Times." };

    fn page(form: Form) -> String {
        let mut text = Text::new(form, 0);
        text.family(&COUNTER);
        text.series(&COUNTER, &["q\"\\\n"], 7);
        text.family(&TIMES);
        let mut merged = Merged::default();
        (merged.buckets[1], merged.buckets[COARSE - 1], merged.sum_micros) = (2, 1, 70_000_200);
        text.coarse(&TIMES, &[], &merged);
        String::from_utf8(text.end()).expect("is text")
    }

    #[test]
    fn both_forms_say_the_same_of_one_series() {
        let (plain, open) = (page(Form::Prometheus), page(Form::OpenMetrics));
        assert!(plain.starts_with(
            "# HELP a_b_total Counts.\n# TYPE a_b_total counter\na_b_total{x=\"q\\\"\\\\\\n\"} 7\n"
        ));
        assert!(
            open.starts_with("# HELP a_b Counts.\n# TYPE a_b counter\na_b_total{x=\"q\\\"\\\\\\n\"} 7\n")
        );
        assert!(open.ends_with("# EOF\n") && !plain.contains("EOF"));
    }

    #[test]
    fn series_that_differ_in_one_label_share_the_rest() {
        const BY: Family = Family { name: "r", kind: Kind::Counter, labels: &["x", "y"], help: "By." };
        const ALONE: Family = Family { name: "s", kind: Kind::Gauge, labels: &["y"], help: "Alone." };
        let mut text = Text::new(Form::Prometheus, 0);
        text.fan(&BY, &["a\"b"], [("2xx", 1), ("c\\d", 20)].into_iter());
        text.fan(&ALONE, &[], [("2xx", 3)].into_iter());
        let page = String::from_utf8(text.end()).expect("is text");
        assert_eq!(
            page,
            "r_total{x=\"a\\\"b\",y=\"2xx\"} 1\nr_total{x=\"a\\\"b\",y=\"c\\\\d\"} 20\ns{y=\"2xx\"} 3\n"
        );
    }

    #[test]
    fn buckets_hold_those_below_them_too() {
        let page = page(Form::Prometheus);
        for line in [
            "t_seconds_bucket{le=\"0.000064\"} 0\n",
            "t_seconds_bucket{le=\"0.000128\"} 2\n",
            "t_seconds_bucket{le=\"67.108864\"} 2\n",
            "t_seconds_bucket{le=\"+Inf\"} 3\n",
            "t_seconds_sum 70.0002\n",
            "t_seconds_count 3\n",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
    }

    #[test]
    fn a_reader_gets_the_form_that_it_likes_better() {
        for (accept, form) in [
            ("", Form::Prometheus),
            ("*/*", Form::Prometheus),
            ("text/html,application/xml;q=0.9,*/*;q=0.8", Form::Prometheus),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", Form::OpenMetrics),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4",
                Form::OpenMetrics,
            ),
            ("application/openmetrics-text;q=0.2,text/plain;q=0.25", Form::Prometheus),
            ("application/openmetrics-text;q=0,*/*", Form::Prometheus),
        ] {
            assert_eq!(Form::accepted(accept), form, "{accept}");
        }
    }
}
