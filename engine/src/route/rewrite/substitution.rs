//! The text that takes the place of what an expression found: `$1`, `${1}` or `${name}` is a group, `$$` a dollar.

use super::check_path;
use crate::route::finder::{Finder, Groups};

/// A text with groups.
#[derive(Debug)]
pub struct Substitution {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Group(usize),
}

impl Substitution {
    /// Reads `text`, which takes the place of what `finder` finds.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence that begins with the text.
    pub fn parse(text: &str, finder: &Finder) -> Result<Substitution, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('$') {
                literal.push('$');
                rest = after;
                continue;
            }
            let (name, after) = group_name(after)?;
            let group = match name.parse::<usize>() {
                Ok(number) => Some(number).filter(|number| *number < finder.group_count()),
                Err(_) => finder.group(name),
            };
            let group =
                group.ok_or_else(|| format!("names the group '{name}', which the expression has not"))?;
            parts.push(Part::Text(std::mem::take(&mut literal)));
            parts.push(Part::Group(group));
            rest = after;
        }
        literal.push_str(rest);
        parts.push(Part::Text(literal));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        let substitution = Substitution { parts };
        substitution.check(finder.is_anchored())?;
        Ok(substitution)
    }

    /// Whether what it makes can be a path, as far as that is known before a request.
    fn check(&self, is_anchored: bool) -> Result<(), String> {
        // What is found anywhere has some of the path before it.
        let mut sample = String::from(if is_anchored { "" } else { "/x" });
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(text) => sample.push_str(text),
                // A group in front may bring the slash with it.
                Part::Group(_) if index == 0 && is_anchored => sample.push_str("/x"),
                Part::Group(_) => sample.push('x'),
            }
        }
        if !is_anchored {
            sample.push('x');
        }
        check_path(&sample).map_err(str::to_owned)
    }

    /// Appends the text with the groups of a match in `path`.
    pub(super) fn fill(&self, path: &[u8], groups: &Groups<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Group(group) => out.extend_from_slice(&path[groups.range(*group).unwrap_or(0..0)]),
            }
            // Far past the bound: what is made is refused, so the rest need not be.
            if out.len() > 4 * super::PATH_BYTES_MAX {
                return;
            }
        }
    }
}

/// The name or number behind a `$`, and what follows it.
fn group_name(after: &str) -> Result<(&str, &str), String> {
    if let Some(inner) = after.strip_prefix('{') {
        return inner.split_once('}').ok_or_else(|| "has a '${' without its '}'".to_owned());
    }
    let end = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
    match end {
        0 => Err("has a '$' with neither a group nor another '$' behind it".to_owned()),
        end => Ok(after.split_at(end)),
    }
}
