//! A validator's error → a [`Violation`](super::violation::Violation): the place in the instance, the rule's place in
//! its schema, and a message that tells of the schema what helps and of the instance nothing but names.

use super::violation::{named, shortened};
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

/// Names that one message repeats at most.
const NAMES_MAX: usize = 3;
/// Bytes of a value of the schema that a message repeats.
const VALUE_BYTES_MAX: usize = 64;

/// The rule that was broken: `key`, which names the schema in the configuration, and the place in it; of another schema
/// that it refers to, the name of its file.
pub(super) fn rule(error: &ValidationError<'_>, key: &str) -> String {
    let pointer = error.schema_path().as_str();
    let Some(place) = error.absolute_keyword_location() else { return format!("{key}#{pointer}") };
    let place = place.as_str();
    let (document, pointer) = place.split_once('#').unwrap_or((place, pointer));
    match document.strip_prefix("config:///") {
        // How folders are laid out is nobody's business.
        Some(path) => match path.rsplit('/').next().unwrap_or_default() {
            "" => format!("{key}#{pointer}"),
            file => format!("{file}#{pointer}"),
        },
        None => format!("{document}#{pointer}"),
    }
}

/// What is wrong.
pub(super) fn message(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::AdditionalItems { limit } => format!("has more than {limit} items"),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            members(unexpected)
        }
        Kind::AnyOf { .. } => "fits none of the schemas of which one must fit".into(),
        Kind::OneOfNotValid { .. } => "fits none of the schemas of which exactly one must fit".into(),
        Kind::OneOfMultipleValid { .. } => {
            "fits more than one of the schemas of which exactly one must fit".into()
        }
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            "could not be matched with the pattern".into()
        }
        Kind::Pattern { .. } => "does not match the pattern".into(),
        Kind::Constant { .. } => "is not the accepted value".into(),
        Kind::Enum { .. } => "is none of the accepted values".into(),
        Kind::Contains => "does not have the items that it must have".into(),
        Kind::ContentEncoding { content_encoding } => format!("is not {}", value(content_encoding)),
        Kind::ContentMediaType { content_media_type } => format!("is not {}", value(content_media_type)),
        Kind::FromUtf8 { .. } => "does not decode to UTF-8".into(),
        Kind::Custom { .. } => "is refused".into(),
        Kind::ExclusiveMaximum { limit } => format!("is not less than {}", number(limit)),
        Kind::ExclusiveMinimum { limit } => format!("is not greater than {}", number(limit)),
        Kind::Maximum { limit } => format!("is greater than {}", number(limit)),
        Kind::Minimum { limit } => format!("is less than {}", number(limit)),
        Kind::MultipleOf { multiple_of } => format!("is not a multiple of {multiple_of}"),
        Kind::FalseSchema => "is not accepted".into(),
        Kind::Format { format } => format!("is not a valid {}", value(format)),
        Kind::MaxItems { limit } => format!("has more than {}", counted(*limit, "item")),
        Kind::MinItems { limit } => format!("has fewer than {}", counted(*limit, "item")),
        Kind::MaxLength { limit } => format!("is longer than {}", counted(*limit, "character")),
        Kind::MinLength { limit } => format!("is shorter than {}", counted(*limit, "character")),
        Kind::MaxProperties { limit } => format!("has more than {}", counted(*limit, "member")),
        Kind::MinProperties { limit } => format!("has fewer than {}", counted(*limit, "member")),
        Kind::Not { .. } => "fits a schema that it must not fit".into(),
        Kind::PropertyNames { error } => format!("has a name that {}", message(error)),
        Kind::Required { property } => format!("has no {}", named(property.as_str().unwrap_or_default())),
        Kind::Type { kind } => types(kind),
        Kind::UnevaluatedItems { .. } => "has an item that is not accepted".into(),
        Kind::UniqueItems => "has an item twice".into(),
        Kind::Referencing(_) => "could not be checked".into(),
    }
}

fn members(unexpected: &[String]) -> String {
    let some: Vec<String> = unexpected.iter().take(NAMES_MAX).map(|name| named(name)).collect();
    let rest = unexpected.len() - some.len();
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("has members that are not accepted: {}{rest}", some.join(", "))
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => format!("is not of type {one}"),
        TypeKind::Multiple(several) => {
            let names: Vec<&str> = several.iter().map(|one| one.as_str()).collect();
            format!("is of none of the types {}", names.join(", "))
        }
    }
}

fn counted(limit: u64, what: &str) -> String {
    format!("{limit} {what}{}", if limit == 1 { "" } else { "s" })
}

fn number(limit: &Value) -> String {
    shortened(&limit.to_string(), VALUE_BYTES_MAX)
}

fn value(text: &str) -> String {
    shortened(text, VALUE_BYTES_MAX)
}
