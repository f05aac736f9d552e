//! Any bytes as a reply of Redis: torn at every place they are the same reply, or not one yet; what is read is within the
//! bytes and within its bounds, and is read again from what it is written out as.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringgate::wire::resp::{ITEMS_MAX, REPLY_BYTES_MAX, Reply, reply};

fn write(reply: &Reply<'_>, out: &mut Vec<u8>) {
    let mut line = |kind: u8, rest: &[u8]| {
        out.push(kind);
        out.extend_from_slice(rest);
        out.extend_from_slice(b"\r\n");
    };
    match reply {
        Reply::Status(text) => line(b'+', text),
        Reply::Error(text) => line(b'-', text),
        Reply::Number(number) => line(b':', number.to_string().as_bytes()),
        Reply::Text(None) => line(b'$', b"-1"),
        Reply::Text(Some(text)) => {
            line(b'$', text.len().to_string().as_bytes());
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
        Reply::List(None) => line(b'*', b"-1"),
        Reply::List(Some(items)) => {
            line(b'*', items.len().to_string().as_bytes());
            assert!(items.len() <= ITEMS_MAX);
            items.iter().for_each(|item| write(item, out));
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let whole = reply(bytes);
    let mut said = Ok(None);
    for end in 0..=bytes.len().min(2048) {
        let torn = reply(&bytes[..end]);
        match (&said, &torn) {
            // Once it is a reply or none, further bytes change nothing.
            (Ok(Some(_)) | Err(_), now) => assert_eq!(&said, now),
            (Ok(None), _) => said = torn,
        }
    }
    if let Ok(Some((read, length))) = whole {
        assert!(length <= bytes.len() && length <= REPLY_BYTES_MAX);
        let mut written = Vec::new();
        write(&read, &mut written);
        assert!(written.len() <= length, "nothing is longer than it came");
        assert_eq!(reply(&written), Ok(Some((read, written.len()))));
    }
});
