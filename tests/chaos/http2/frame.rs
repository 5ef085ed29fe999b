//! The frames of RFC 9113 that h2 would not write.

use crate::plan::stuff;

pub(super) fn go_away(last: u32, code: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
}

/// A 103. `:status` is the 8th of the static table (RFC 7541, appendix A), here with a value of its own.
pub(super) fn early_hints(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, b"\x08\x03103")
}

/// What breaks the rules of RFC 9113, or is none of it.
pub(super) fn garbage(number: usize, stream: u32) -> Vec<u8> {
    match number % 11 {
        0 => frame(DATA, 0, 0, b"hello"),
        1 => frame(HEADERS, END_HEADERS, stream, &[0xff; 40]),
        2 => [&[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1][..], &[7; 64]].concat(),
        3 => frame(SETTINGS, 0, 0, &[0; 5]),
        4 => frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
        5 => frame(PUSH_PROMISE, END_HEADERS, stream, &[0, 0, 0, 2, 0x88]),
        6 => frame(HEADERS, END_HEADERS | END_STREAM, stream + 100, &[0x88]), // a response that nobody has asked for
        7 => frame(RST_STREAM, 0, stream + 100, &[0, 0, 0, 7]),
        8 => frame(PING, 0, 0, &[0; 7]),
        9 => frame(CONTINUATION, END_HEADERS, stream, &[0x88]),
        _ => [b"HTTP/1.1 200 OK\r\n\r\n", &stuff(u64::try_from(number).unwrap(), 100)[..]].concat(),
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
pub(super) const NO_ERROR: u32 = 0;
pub(super) const REFUSED_STREAM: u32 = 7;
