//! A path with names in braces: each stands for what the match took under that name.

use super::{check_path, segment};
use crate::route::finder::{Caches, Finder};

/// A path made of texts and of what the match gave names to.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
    /// The names, each once.
    names: Vec<String>,
    /// Where each pattern of the match has them.
    sources: Vec<Source>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// Index into `names`.
    Name(usize),
}

/// Where a pattern has the names of a template.
#[derive(Debug)]
enum Source {
    /// A pattern of segments.
    Segments {
        /// For each name, its segment.
        places: Vec<u16>,
        /// What the pattern is made of, for the way back; none where it takes more paths than it can name.
        shape: Option<Vec<Shape>>,
    },
    /// An expression.
    Groups {
        /// It.
        expression: Finder,
        /// For each name, its group.
        groups: Vec<usize>,
    },
}

/// A segment of a pattern.
#[derive(Debug)]
enum Shape {
    Text(String),
    /// The template's name for it, if it has one.
    Named(Option<usize>),
}

/// A pattern of the match that a template takes its names from.
#[derive(Debug, Clone)]
pub enum Pattern<'p> {
    /// `/exact`, `/p/*` or `/users/{id}`.
    Segments(&'p str),
    /// `regex:…`.
    Regex(Finder),
}

impl Template {
    /// Reads `text`, whose names every one of `patterns` has to give.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the text.
    pub fn parse(text: &str, patterns: &[Pattern<'_>]) -> Result<Template, String> {
        let (mut parts, mut names) = (Vec::new(), Vec::new());
        let (mut rest, mut sample) = (text, String::new());
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("has a '{' without its '}'")?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            sample.push_str(before);
            sample.push('x');
            let known = names.iter().position(|known| known == name);
            parts.push(Part::Name(known.unwrap_or(names.len())));
            if known.is_none() {
                names.push(name.to_owned());
            }
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        sample.push_str(rest);
        if sample.contains('}') {
            return Err("has a '}' without its '{'".to_owned());
        }
        check_path(&sample)?;
        let sources = patterns.iter().map(|pattern| Source::of(pattern, &names)).collect::<Result<_, _>>()?;
        Ok(Template { parts, names, sources })
    }

    /// Appends the path for a request whose `path` pattern `at` took.
    pub(super) fn fill(&self, at: usize, path: &[u8], caches: &mut Caches, out: &mut Vec<u8>) {
        let groups = match self.sources.get(at) {
            Some(Source::Groups { expression, .. }) if !self.names.is_empty() => {
                expression.find(path, caches)
            }
            _ => None,
        };
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Name(name) => out.extend_from_slice(match self.sources.get(at) {
                    Some(Source::Segments { places, .. }) => segment(path, places[*name]),
                    Some(Source::Groups { groups: numbers, .. }) => {
                        let range = groups.as_ref().and_then(|groups| groups.range(numbers[*name]));
                        &path[range.unwrap_or(0..0)]
                    }
                    None => b"",
                }),
            }
        }
    }

    /// The way back: reads the names out of `named` and puts them into the pattern; what the template does not
    /// name is as in the request. Only where each name is a whole segment and the pattern takes no more than it names.
    pub(super) fn invert(&self, at: usize, asked: &[u8], named: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(Source::Segments { shape: Some(shape), .. }) = self.sources.get(at) else { return false };
        // Names are few; a template with more is not read back.
        let mut values = [&b""[..]; NAMES_READ_MAX];
        if self.names.len() > NAMES_READ_MAX || !self.read(named, &mut values) {
            return false;
        }
        for (index, part) in shape.iter().enumerate() {
            out.push(b'/');
            out.extend_from_slice(match part {
                Shape::Text(text) => text.as_bytes(),
                Shape::Named(Some(name)) => values[*name],
                Shape::Named(None) => segment(asked, u16::try_from(index).unwrap_or(u16::MAX)),
            });
        }
        true
    }

    /// The value of each name in `path`, if the template makes such a path; none is empty.
    fn read<'p>(&self, path: &'p [u8], values: &mut [&'p [u8]; NAMES_READ_MAX]) -> bool {
        let mut rest = path;
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(text) => match rest.strip_prefix(text.as_bytes()) {
                    Some(after) => rest = after,
                    None => return false,
                },
                Part::Name(name) => {
                    let (value, after) =
                        rest.split_at(rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len()));
                    let whole = matches!(self.parts.get(index.wrapping_sub(1)), Some(Part::Text(text)) if text.ends_with('/'))
                        && matches!(self.parts.get(index + 1), None | Some(Part::Text(_)));
                    let agrees = values[*name].is_empty() || values[*name] == value;
                    if value.is_empty() || !whole || !agrees {
                        return false;
                    }
                    values[*name] = value;
                    rest = after;
                }
            }
        }
        rest.is_empty()
    }
}

/// Names of a template that is read back at most.
const NAMES_READ_MAX: usize = 8;

impl Source {
    fn of(pattern: &Pattern<'_>, names: &[String]) -> Result<Source, String> {
        let lacks = |name: &str, pattern: &str| {
            format!("names '{name}', which the path '{pattern}' of the match has not")
        };
        match pattern {
            Pattern::Segments(text) => {
                let segments: Vec<&str> = text.split('/').skip(1).collect();
                let inner = |segment: &&str| {
                    segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).map(str::to_owned)
                };
                let place = |name: &String| {
                    let found = segments.iter().position(|segment| inner(segment).as_ref() == Some(name));
                    found.and_then(|at| u16::try_from(at).ok()).ok_or_else(|| lacks(name, text))
                };
                let places = names.iter().map(place).collect::<Result<_, _>>()?;
                let part = |segment: &&str| match inner(segment) {
                    Some(name) => Shape::Named(names.iter().position(|known| *known == name)),
                    None => Shape::Text((*segment).to_owned()),
                };
                let shape = (!text.ends_with("/*")).then(|| segments.iter().map(part).collect());
                Ok(Source::Segments { places, shape })
            }
            Pattern::Regex(expression) => {
                let group = |name: &String| {
                    expression.group(name).ok_or_else(|| {
                        format!("names '{name}', which no group of the match's expression has")
                    })
                };
                let groups = names.iter().map(group).collect::<Result<_, _>>()?;
                Ok(Source::Groups { expression: expression.clone(), groups })
            }
        }
    }
}
