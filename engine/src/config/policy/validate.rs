//! `validate`: what a request must look like before it reaches an origin.

use super::document::Document;
use crate::config::read::section::section;
use crate::config::units::Size;
use crate::config::values::Named;

section! {
    noun "validate";
    /// What a request must look like. What does not is answered with 400 and a list of errors, each with its place, the
    /// rule and a message; 413 when it is too large, 415 when its body is of a kind that is not accepted. What passes is
    /// sent on as it came.
    pub struct Validate {
        /// Its fields.
        pub headers: Headers = {},
        /// The named segments of its path, each with its schema.
        pub path: Named<Document> = {},
        /// Its query.
        pub query: Query = {},
        /// Its body.
        pub body: Body = {},
        /// Schemas that others refer to by `$ref`, under the name or the URI that those use. A file is known by its path and
        /// any schema by its `$id` too. Nothing else is ever fetched.
        pub schemas: Named<Document> = {},
        /// Whether `format` is a rule; without it, it is a remark.
        pub assert_format: bool = "false",
        /// Errors that an answer lists at most, 1 to 100.
        pub errors: u16 = "10",
    }
}

section! {
    noun "headers";
    /// The fields of a request.
    pub struct Headers {
        /// Fields that must be there.
        pub required: Vec<String> = [],
        /// Fields by name, each with the schema its value has to fit, if it is there.
        pub fields: Named<Document> = {},
        /// Bytes of one value at most.
        pub value_bytes: Size = "8KiB",
    }
}

section! {
    noun "query";
    /// The query of a request. It is decoded strictly: escapes are whole, the text is UTF-8, `+` is a space.
    pub struct Query {
        /// Parameters that must be there.
        pub required: Vec<String> = [],
        /// Parameters by name, each with its schema. Its `type` says how the text is read; one of type `array` may be
        /// given more than once, all others once.
        pub parameters: Named<Document> = {},
        /// Whether other parameters are accepted.
        pub others: bool = "true",
        /// Bytes of the whole query at most.
        pub bytes: Size = "8KiB",
        /// Parameters at most, 1 to 10,000.
        pub count: u16 = "100",
    }
}

section! {
    noun "body";
    /// The body of a request.
    pub struct Body {
        /// Methods whose requests must have one; `any` is all of them.
        pub required: Vec<String> = [],
        /// Methods whose requests must have none; `any` is all of them.
        pub forbidden: Vec<String> = [],
        /// Accepted content types, such as `application/json`, `application/*+json` or `text/plain; charset=utf-8`. With a
        /// schema the first two unless given.
        pub types: Vec<String> = [],
        /// What it must be: a JSON Schema (2020-12), as a map or a file. The body is held until it is checked.
        pub schema: Option<Document>,
        /// Bytes at most; past it 413. With a schema 1MiB unless given, and 64MiB at most. Without one, a body of unknown length is held too.
        pub bytes: Option<Size>,
        /// Levels of nesting at most, 1 to 128.
        pub depth: u16 = "64",
    }
}
