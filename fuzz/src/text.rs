//! Made-up values of header fields: numbers, dates, lists of them, known words, and any bytes.

use arbitrary::{Arbitrary, Unstructured};

use crate::date::forms;
use crate::time::NOVEMBER_2026;
use crate::words::MARKS;

/// The value of a header field.
#[derive(Clone, Debug, PartialEq)]
pub struct Text(pub Vec<u8>);

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let text = match u.int_in_range(0..=11)? {
            0 | 1 => u.int_in_range(0..=120)?.to_string(),
            2 => u.arbitrary::<u64>()?.to_string(),
            3 => digits(u)?,
            4 => format!("{}.{}", digits(u)?, digits(u)?),
            5 | 6 => date(u)?,
            7 => {
                let separator = *u.choose(&[",", ", ", " ,\t"])?;
                let members: Vec<String> = u
                    .arbitrary_iter::<u16>()?
                    .take(4)
                    .map(|it| Ok(it?.to_string()))
                    .collect::<arbitrary::Result<_>>()?;
                members.join(separator)
            }
            8 => (*u.choose(MARKS)?).to_owned(),
            9 => format!(" {}\t", u.arbitrary::<u32>()?),
            10 => {
                let sign = *u.choose(&["-", "+", "1e", "0x", "\"", ".", "v"])?;
                format!("{sign}{}", u.arbitrary::<u16>()?)
            }
            _ => {
                let bytes: Vec<u8> = u.arbitrary_iter::<u8>()?.take(64).collect::<arbitrary::Result<_>>()?;
                return Ok(Self(
                    bytes.into_iter().filter(|byte| *byte == b'\t' || *byte >= 32 && *byte != 127).collect(),
                ));
            }
        };
        Ok(Self(text.into_bytes()))
    }
}

fn digits(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let length = u.int_in_range(0..=30)?;
    (0..length).map(|_| Ok(char::from(u.int_in_range(b'0'..=b'9')?))).collect()
}

/// A date in one of its forms, or one that is nearly one.
fn date(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let at =
        NOVEMBER_2026 + if u.arbitrary()? { i64::from(u.arbitrary::<i32>()?) } else { i64::from(u.arbitrary::<i8>()?) };
    let at = if u.ratio(1, 16)? { u.int_in_range(-62_135_596_800..=253_402_300_799)? } else { at };
    let date = u.choose(&forms(at))?.clone();
    Ok(match u.int_in_range(0..=13)? {
        0..=4 => date,
        5 => date.replace(" GMT", " UTC"),
        6 => date.replace(" GMT", &format!(" {}{:04}", u.choose(&["+", "-"])?, u.int_in_range(0..=1_400)?)),
        7 => date.to_ascii_lowercase(),
        8 => date.replacen(['M', 'T', 'W', 'F', 'S'], u.choose(&["M", "T", "W", "F", "S"])?, 1),
        9 => date.replace(" 0", " "),
        10 => format!("{}60{}", date.get(..23).unwrap_or_default(), date.get(25..).unwrap_or_default()),
        11 => date.replace(['-', ','], u.choose(&[" ", "-", ", "])?),
        12 => date.replacen(u.choose(&["0", "1", "2", "9"])?, u.choose(&["0", "3", "7", "", "10"])?, 1),
        _ => {
            let cut = u.int_in_range(0..=date.len())?;
            date.get(..cut).unwrap_or_default().to_owned()
        }
    })
}
